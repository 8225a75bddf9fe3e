"""Switches the versions that the model server serves, in ``deployed/``, without a gap.

    deployed/models.config            in TensorFlow Serving's format: versions and their labels
    deployed/<model>/<version>/       copies, so a release can be moved or pruned

The folder is self-contained: it can be mounted read-only into a container. A server polls
``models.config``, which is replaced in one step.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from google.protobuf.text_format import ParseError

from core.console import CONSOLE
from core.errors import FanoutError, GateError, UserError
from core.files import copy_tree, place_folder, remove_folder, write_text
from pipeline.deployment import model_server
from pipeline.release.integrity import entries
from pipeline.settings.config import Config
from pipeline.targets import part
from serving.client.versions import AVAILABLE, END, NoStatus, Versions
from serving.container.models_config import read_labels, write_models_config
from serving.embedded import Address
from serving.released import place

STABLE, CANARY = "stable", "canary"
LOAD_SECONDS = 120.0
DRAIN_SECONDS = 90.0
_POLL_SECONDS = 0.1
_OLD_STATE_SECONDS = 3.0


def labels(config: Config) -> dict[str, int]:
    """Returns the version of each deployed label; empty before the first deployment.

    Raises:
        UserError: ``models.config`` is damaged or missing.
    """
    if not config.build.models_config.is_file() and any(config.build.deployed.glob("*/*")):
        raise UserError(
            f"{config.build.models_config} is missing; to write it again, run: fanout serve"
        )
    try:
        return read_labels(config.build.models_config)
    except (ValueError, ParseError) as error:
        raise UserError(
            f"{config.build.models_config} is damaged, so the deployed versions are unknown: "
            f"{' '.join(str(error).split())}; to write it again, run: fanout serve"
        ) from error


def served(config: Config) -> dict[str, int]:
    """Returns the version of each label; if the file is damaged, as the running server reports it.

    A server whose file is damaged continues with the content that it read before.
    """
    try:
        return labels(config)
    except UserError:
        address = model_server.address(config)
        return _labelled(Versions(address.rest, config.spec.name)) if address else {}


def _labelled(server: Versions) -> dict[str, int]:
    try:
        versions = {label: server.labelled(label) for label in (STABLE, CANARY)}
    except NoStatus:
        return {}
    return {label: version for label, version in versions.items() if version is not None}


def switch(config: Config, wanted: Mapping[str, int]) -> None:
    """Switches the server to exactly these versions, under these labels.

    At every moment a running server has each version that clients may request. New versions are
    loaded beside the old ones and must answer the golden examples. Then the labels move, and then
    versions that no longer have a label are dropped.

    Args:
        config: the model and its build folder.
        wanted: the version of each label, such as ``{"stable": 3}``.

    Raises:
        GateError: a new version does not load, or answers differently; the old versions stay.
        FanoutError: the server does not follow.
    """
    before = served(config)
    for version in {*wanted.values()}:
        _place(config, version)
    address = model_server.address(config) if before else None
    if address is None:
        _write(config, wanted)
    else:
        server = Versions(address.rest, config.spec.name)
        new = sorted({*wanted.values()} - {*before.values()})
        try:
            _write(config, before, also=new)
            for version in new:
                _await_available(server, version)
                _verify(config, address, version)
        except BaseException:
            _write(config, before)
            # A request without a version goes to the highest one until that is gone.
            with suppress(FanoutError):
                _await_only(server, {*before.values()})
            raise
        _write(config, wanted, also=before.values())
        _await_labels(server, wanted)
        _write(config, wanted)
        _await_only(server, {*wanted.values()})
    _prune(config, {*wanted.values()})
    canary = before.get(CANARY)
    if canary is not None and canary not in wanted.values():
        CONSOLE.print(f"  release {canary} is no longer a canary")


def _write(config: Config, wanted: Mapping[str, int], *, also: Iterable[int] = ()) -> None:
    if not config.build.monitoring_config.is_file():
        path = model_server.METRICS_PATH
        write_text(
            config.build.monitoring_config, f'prometheus_config {{ enable: true path: "{path}" }}\n'
        )
    write_models_config(
        config.build.models_config, config.spec.name, config.build.deployed, wanted, also=also
    )


def _place(config: Config, version: int) -> None:
    name = config.spec.name
    placed = config.build.deployed / place(name, version)
    source = part(config.build.releases / str(version), "serving", model=name, version=version)
    if placed.is_dir() and entries(placed) == entries(source):
        return
    partial = placed.with_name(f".{version}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    copy_tree(source, partial)
    # A container's user is not the user that made the release.
    for path in (config.build.deployed, placed.parent, partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    if placed.is_dir():
        remove_folder(placed)
    place_folder(partial, placed)


def _prune(config: Config, kept: set[int]) -> None:
    for folder in (config.build.deployed / config.spec.name).iterdir():
        if folder.name not in map(str, kept):
            shutil.rmtree(folder)


def _verify(config: Config, address: Address, version: int) -> None:
    """Raises GateError unless the version answers correctly in the server that will serve it."""
    from core.agreement.checks import FAILED, Check, compare, for_few
    from core.agreement.golden import read_golden
    from serving.client import Client

    spec = config.spec
    golden = read_golden(config.build.releases / str(version) / "golden.json", spec)
    limits = for_few(spec.limits["serving"]["float32"], len(golden))
    with Client(address.rest, spec.name, version=version) as client:
        outputs = client.outputs(golden.inputs)
    row = compare(outputs, golden, limits, row=Check("serving", "float32", "REST", FAILED))
    if row.stops_release:
        raise GateError("Promotion", f"version {version} in the running server: {row.reason}")


def _await_available(server: Versions, version: int) -> None:
    # An END state may be left over from when the version was served before: the server may not have
    # read the new configuration yet.
    patience = time.monotonic() + _OLD_STATE_SECONDS

    def loaded() -> bool:
        state = server.states().get(version)
        if state is None:
            return False
        if state.name == END and state.error and time.monotonic() > patience:
            raise GateError(
                "Promotion", f"the server does not load version {version}: {state.error}"
            )
        return state.name == AVAILABLE

    _until(loaded, f"the server does not load version {version}", LOAD_SECONDS)


def _await_labels(server: Versions, wanted: Mapping[str, int]) -> None:
    def moved() -> bool:
        return all(server.labelled(label) == version for label, version in wanted.items())

    _until(moved, f"the server does not follow the labels {dict(wanted)}", LOAD_SECONDS)


def _await_only(server: Versions, versions: set[int]) -> None:
    def alone() -> bool:
        states = server.states()
        return all(states[one].name == END for one in {*states} - versions)

    _until(alone, f"the server keeps more than version {sorted(versions)}", DRAIN_SECONDS)


def _until(done: Callable[[], bool], problem: str, seconds: float) -> None:
    """Waits until a condition holds; a server that does not answer is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        reason = ""
        try:
            if done():
                return
        except NoStatus as error:
            reason = f": {error}"
        if time.monotonic() > deadline:
            raise FanoutError(f"{problem} within {seconds:.0f} s{reason}")
        time.sleep(_POLL_SECONDS)
