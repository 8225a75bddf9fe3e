"""What a build folder's server is told to serve, and what everything that runs really answers."""

import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.release import integrity
from pipeline.release.release import Release
from pipeline.settings.config import Config

_PATIENCE_SECONDS = 5.0
_LONGEST_ANSWER = 4 << 20


@dataclass(frozen=True)
class Answer:
    """What a target answers with.

    Attributes:
        versions: of the model, in rising order; empty when it does not answer.
        labels: the version behind each label of the model server.
        problem: why it does not answer as it should; empty when it does.
    """

    versions: tuple[int, ...] = ()
    labels: Mapping[str, int] | None = None
    problem: str = ""


def drift(config: Config, release: Release) -> list[str]:
    """Returns what differs between the server's copy of a release and the release's manifest."""
    prefix = f"serving/{config.spec.name}/{release.version}/"
    folder = config.deployed / config.spec.name / str(release.version)
    wanted = {
        name.removeprefix(prefix): entry["sha256"]
        for name, entry in release.manifest["files"].items()
        if name.startswith(prefix)
    }
    found = {name: entry["sha256"] for name, entry in integrity.entries(folder).items()}
    where = folder.relative_to(config.build)
    return [
        f"{where / name} differs from the manifest; to mend it, run: fanout serve"
        for name in sorted({*wanted, *found})
        if wanted.get(name) != found.get(name)
    ]


def ask_server(address: str, model: str, labels: tuple[str, ...] = ()) -> Answer:
    """Returns the versions that a model server has loaded, and those behind its labels.

    Args:
        address: its REST address.
        model: its name there.
        labels: those to ask for.
    """
    url = f"{address}/v1/models/{model}"
    try:
        versions = sorted(_available(url))
        behind = {label: next(iter(_available(f"{url}/labels/{label}")), 0) for label in labels}
    except _NoAnswer as error:
        return Answer(problem=str(error))
    if not versions:
        return Answer(problem=f"{url}: no version is loaded")
    return Answer(tuple(versions), behind)


def ask_page(address: str, files: Mapping[str, Any]) -> Answer:
    """Returns the version of the page, whose contract must be the released one byte for byte.

    Args:
        address: of the page.
        files: of the manifest of the release that it should show.
    """
    url = f"{address}contract.json"
    try:
        body = _get(url)
        version = int(json.loads(body)["version"])
    except _NoAnswer as error:
        return Answer(problem=str(error))
    except (ValueError, KeyError, TypeError) as error:
        return Answer(problem=f"{url}: not a contract: {error}")
    digest = files.get("web/contract.json", {}).get("sha256")
    differs = hashlib.sha256(body).hexdigest() != digest
    return Answer((version,), problem=f"{url} differs from the manifest" if differs else "")


class _NoAnswer(Exception):
    pass


def _available(url: str) -> list[int]:
    try:
        states = json.loads(_get(url))["model_version_status"]
        return [int(one["version"]) for one in states if one["state"] == "AVAILABLE"]
    except (ValueError, KeyError, TypeError) as error:
        raise _NoAnswer(f"{url}: not a model's status: {error}") from error


def _get(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 - http
            return bytes(answer.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise _NoAnswer(f"{url}: HTTP {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _NoAnswer(f"{url}: {getattr(error, 'reason', error)}") from error
