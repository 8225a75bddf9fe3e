"""The files that a build folder's server has to serve, and the actual answers of its servers."""

import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.errors import FanoutError
from pipeline.release import integrity
from pipeline.release.release import Release
from pipeline.settings.config import Config
from serving.client.versions import AVAILABLE, NoStatus, Versions

_PATIENCE_SECONDS = 5.0
_LONGEST_ANSWER = 4 << 20


@dataclass(frozen=True)
class Answer:
    """The answer of a running target.

    Attributes:
        versions: the model's versions in ascending order; empty if it does not answer.
        labels: the version of each label of the model server.
        problem: why the answer is missing or wrong; empty if it is right.
        failed: why versions did not load.
    """

    versions: tuple[int, ...] = ()
    labels: Mapping[str, int] | None = None
    problem: str = ""
    failed: Mapping[int, str] = field(default_factory=dict)


def drift(config: Config, release: Release) -> list[str]:
    """Returns the differences between the server's copy of a release and its manifest."""
    prefix = f"{release.saved_model.relative_to(release.folder)}/"
    folder = config.build.deployed / config.spec.name / str(release.version)
    wanted = {
        name.removeprefix(prefix): entry["sha256"]
        for name, entry in release.manifest["files"].items()
        if name.startswith(prefix)
    }
    copied = {name: entry["sha256"] for name, entry in integrity.entries(folder).items()}
    where = folder.relative_to(config.build.folder)
    return [
        f"{where / name} differs from the manifest; to fix it, run: fanout serve"
        for name in sorted({*wanted, *copied})
        if wanted.get(name) != copied.get(name)
    ]


def ask_server(address: str, model: str, labels: tuple[str, ...] = ()) -> Answer:
    """Returns the versions that a model server has loaded, and the versions of its labels.

    Args:
        address: its REST address.
        model: the model's name on the server.
        labels: the labels to ask for.
    """
    server = Versions(address, model)
    try:
        states = server.states()
        labelled = {label: server.labelled(label) for label in labels}
    except NoStatus as error:
        return Answer(problem=str(error))
    loaded = sorted(one for one, state in states.items() if state.name == AVAILABLE)
    failed = {one: state.error for one, state in states.items() if state.error}
    if not loaded:
        return Answer(problem=f"{server.url}: no version is loaded", failed=failed)
    behind = {label: version for label, version in labelled.items() if version in loaded}
    missing = ", ".join(label for label in labels if label not in behind)
    problem = f"{server.url}: no loaded version has the label {missing}" if missing else ""
    return Answer(tuple(loaded), behind, problem, failed)


def ask_page(address: str, files: Mapping[str, Any]) -> Answer:
    """Returns the page's version; its contract must equal the released one byte for byte.

    Args:
        address: the page's address.
        files: the manifest's files, of the release that the page should show.
    """
    url = f"{address}contract.json"
    try:
        body = get(url)
        version = int(json.loads(body)["version"])
    except NoAnswer as error:
        return Answer(problem=str(error))
    except (ValueError, KeyError, TypeError) as error:
        return Answer(problem=f"{url} is not a contract: {error}")
    digest = files.get("web/contract.json", {}).get("sha256")
    differs = hashlib.sha256(body).hexdigest() != digest
    return Answer((version,), problem=f"{url} differs from the manifest" if differs else "")


class NoAnswer(FanoutError):
    """An address did not answer, or answered with an error."""


def get(url: str) -> bytes:
    """Returns the body of an address's answer. Raises NoAnswer."""
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 - http
            return bytes(answer.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise NoAnswer(f"{url}: HTTP {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{url}: {getattr(error, 'reason', error)}") from error
