"""What the model server serves: ``deployed/`` of a build folder, changed without a gap.

    deployed/models.config            TensorFlow Serving's: specific versions, their labels
    deployed/<model>/<version>/       copies, so that a release can be moved or pruned

The folder is complete in itself: it can be mounted read-only into a container. A server polls
``models.config``, which is replaced in one step.
"""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from google.protobuf.text_format import ParseError

from core.console import CONSOLE
from core.errors import FanoutError, GateError, UserError
from core.files import copy_tree, place_folder, remove_folder, write_text
from pipeline.deployment import model_server
from pipeline.release.integrity import entries
from pipeline.settings.config import Config
from serving.container.models_config import read_labels, write_models_config
from serving.embedded import Address

STABLE, CANARY = "stable", "canary"
LOAD_SECONDS = 120.0
DRAIN_SECONDS = 90.0
_POLL_SECONDS = 0.1
_OLD_STATE_SECONDS = 3.0


def labels(config: Config) -> dict[str, int]:
    """Returns the version of each label as they are deployed, empty before the first time.

    Raises:
        UserError: the file that says so is damaged or missing.
    """
    if not config.models_config.is_file() and any(config.deployed.glob("*/*")):
        raise UserError(f"{config.models_config} is missing; to write it anew, run: fanout serve")
    try:
        return read_labels(config.models_config)
    except (ValueError, ParseError) as error:
        raise UserError(
            f"{config.models_config} is damaged, so what is deployed is not known: "
            f"{' '.join(str(error).split())}; to write it anew, run: fanout serve"
        ) from error


def served(config: Config) -> dict[str, int]:
    """Returns the version of each label; where the file is damaged, as the running server has it.

    A server whose file is damaged goes on with what it read before.
    """
    try:
        return labels(config)
    except UserError:
        address = model_server.address(config)
        return _Asked(address, config.spec.name).labels((STABLE, CANARY)) if address else {}


def switch(config: Config, wanted: Mapping[str, int]) -> None:
    """Makes exactly these versions served, under these labels.

    A server that runs has every version that clients may ask for at each moment: new versions are
    loaded beside the old ones and must answer the golden examples, then labels move, and then what
    has no label any more is dropped.

    Args:
        config: the model and its build folder.
        wanted: the version of each label, such as ``{"stable": 3}``.

    Raises:
        GateError: a new version does not load, or answers differently; what was served stays.
        FanoutError: the server does not follow.
    """
    before = served(config)
    for version in {*wanted.values()}:
        _place(config, version)
    address = model_server.address(config) if before else None
    if address is None:
        _write(config, wanted)
    else:
        server = _Asked(address, config.spec.name)
        new = sorted({*wanted.values()} - {*before.values()})
        try:
            _write(config, before, also=new)
            for version in new:
                server.await_available(version)
                _verify(config, address, version)
        except BaseException:
            _write(config, before)
            # Whoever asks for no version is answered by the highest one until it is gone.
            with suppress(FanoutError):
                server.await_only({*before.values()})
            raise
        _write(config, wanted, also=before.values())
        server.await_labels(wanted)
        _write(config, wanted)
        server.await_only({*wanted.values()})
    _prune(config, {*wanted.values()})
    canary = before.get(CANARY)
    if canary is not None and canary not in wanted.values():
        CONSOLE.print(f"  release {canary} is no canary any more")


def _write(config: Config, wanted: Mapping[str, int], *, also: Iterable[int] = ()) -> None:
    if not config.monitoring_config.is_file():
        path = model_server.METRICS_PATH
        write_text(
            config.monitoring_config, f'prometheus_config {{ enable: true path: "{path}" }}\n'
        )
    write_models_config(config.models_config, config.spec.name, config.deployed, wanted, also=also)


def _place(config: Config, version: int) -> None:
    name = config.spec.name
    placed = config.deployed / name / str(version)
    source = config.releases / str(version) / "serving" / name / str(version)
    if placed.is_dir() and entries(placed) == entries(source):
        return
    partial = placed.with_name(f".{version}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    copy_tree(source, partial)
    # A container's user is not the one who made the release.
    for path in (config.deployed, placed.parent, partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if placed.is_dir():
        remove_folder(placed)
    place_folder(partial, placed)


def _prune(config: Config, kept: set[int]) -> None:
    for folder in (config.deployed / config.spec.name).iterdir():
        if folder.name not in map(str, kept):
            shutil.rmtree(folder)


def _verify(config: Config, address: Address, version: int) -> None:
    """Raises GateError unless the version, in the server that will serve it, answers rightly."""
    from core.agreement.checks import FAILED, Check, compare
    from core.agreement.golden import read_golden
    from serving.client import Client

    spec = config.spec
    golden = read_golden(config.releases / str(version) / "golden.json", spec)
    limits = spec.limits["serving"]["float32"].for_few(len(golden))
    with Client(address.rest, spec.name, version=version) as client:
        outputs = client.predict(golden.inputs, output=spec.outputs[0].name)
    row = compare(outputs, golden, limits, row=Check("serving", "float32", "REST", FAILED))
    if row.stops_release:
        raise GateError("Promotion", f"version {version} in the running server: {row.reason}")


class _Asked:
    """A running server, asked over REST how far it is."""

    def __init__(self, address: Address, model: str) -> None:
        self._url = f"{address.rest}/v1/models/{model}"

    def await_available(self, version: int) -> None:
        # An end may be that of an earlier life of the version: the server is yet to look.
        patience = time.monotonic() + _OLD_STATE_SECONDS

        def loaded() -> bool:
            found = self._states().get(version, {})
            reason = found.get("status", {}).get("error_message")
            if found.get("state") == "END" and reason and time.monotonic() > patience:
                raise GateError(
                    "Promotion", f"the server does not load version {version}: {reason}"
                )
            return bool(found.get("state") == "AVAILABLE")

        _until(loaded, f"the server does not load version {version}", LOAD_SECONDS)

    def await_labels(self, wanted: Mapping[str, int]) -> None:
        def moved() -> bool:
            return all(
                [one["version"] for one in self._ask(f"/labels/{label}")] == [str(version)]
                for label, version in wanted.items()
            )

        _until(moved, f"the server does not follow the labels {dict(wanted)}", LOAD_SECONDS)

    def await_only(self, versions: set[int]) -> None:
        def alone() -> bool:
            states = self._states()
            return all(states[one].get("state") == "END" for one in {*states} - versions)

        _until(alone, f"the server keeps more than version {sorted(versions)}", DRAIN_SECONDS)

    def labels(self, names: Iterable[str]) -> dict[str, int]:
        """Returns the version behind each of the labels that the server has."""
        found = {name: self._ask(f"/labels/{name}") for name in names}
        return {name: int(states[0]["version"]) for name, states in found.items() if states}

    def _states(self) -> dict[int, Any]:
        return {int(one["version"]): one for one in self._ask("")}

    def _ask(self, path: str) -> list[Any]:
        try:
            with urllib.request.urlopen(self._url + path, timeout=10) as answer:  # noqa: S310 - http to ourselves
                found: list[Any] = json.loads(answer.read()).get("model_version_status", [])
        except (OSError, urllib.error.URLError, ValueError):
            return []
        return found


def _until(done: Callable[[], bool], problem: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise FanoutError(f"{problem} within {seconds:.0f} s")
        time.sleep(_POLL_SECONDS)
