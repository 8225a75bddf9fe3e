"""A model server in a locked-down container: starts, finds and stops it, and no other container."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from core.errors import UserError
from core.files import write_text
from serving.container import engine as engines
from serving.container.engine import CALL_SECONDS, Engine, EngineFailed

GRPC_PORT, REST_PORT = 8500, 8501
LABEL = "fanout.run-folder"
STOP_SECONDS = 15
_PREFIX = "fanout-"  # of a container's name; identifiers of engines never begin with it
_ISOLATION = (
    "--pull=never",
    "--read-only",
    "--tmpfs=/tmp:rw,nosuid,nodev,size=64m",
    "--user=65532:65532",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
)


@dataclass(frozen=True)
class Wanted:
    """What a container must run.

    Attributes:
        image: its name.
        folder: mounted read-only under the same path as outside, so that the paths in a
            models.config in it are valid inside and outside.
        writable: a folder that the server may write to, mounted under the same path; None for
            none.
        arguments: of the server.
        host: the address of this machine on which its ports are published.
        rest_port, grpc_port: on this machine.
        memory: the limit, in the engine's notation, such as ``2g``.
        restart: whether the engine restarts it after it ends or the machine restarts.
        environment: variables of the server.
    """

    image: str
    folder: Path
    arguments: tuple[str, ...]
    host: str
    rest_port: int
    grpc_port: int
    memory: str = "2g"
    restart: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    writable: Path | None = None

    def flags(self) -> list[str]:
        """Returns the options for the engine's ``run``."""
        return [
            *_ISOLATION,
            f"--publish={self.host}:{self.grpc_port}:{GRPC_PORT}",
            f"--publish={self.host}:{self.rest_port}:{REST_PORT}",
            f"--volume={self.folder}:{self.folder}:ro",
            *([f"--volume={self.writable}:{self.writable}:rw"] if self.writable else []),
            *(f"--env={name}={value}" for name, value in self.environment.items()),
            *(["--restart=always"] if self.restart else []),
        ]


@dataclass(frozen=True)
class Container:
    """A container that this project started.

    Attributes:
        name: ``server``.
        engine: ``docker`` or ``podman``.
        id: the engine's identifier, or the container's name until that is known.
        image, image_id: name and digest of the image that it runs.
        wanted: the words it was started with, for comparison.
        host, rest_port, grpc_port: where it answers.
    """

    name: str
    engine: str
    id: str
    image: str
    image_id: str
    host: str
    rest_port: int
    grpc_port: int
    wanted: list[str] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        return self._inspect("{{.State.Running}}") == "true"

    @property
    def is_there(self) -> bool:
        """Returns whether the engine has the container, running or not."""
        return bool(self._inspect("{{.Id}}"))

    @property
    def pid(self) -> int:
        """Returns the process id of the server on this machine; 0 when it has ended."""
        return int(self._inspect("{{.State.Pid}}") or 0)

    @property
    def ports(self) -> frozenset[str]:
        return frozenset((str(self.rest_port), str(self.grpc_port)))

    def last_words(self) -> str:
        """Returns the last lines of the container's log."""
        try:
            engine = engines.find(self.engine)
            # The server logs to standard error, which only the merged stream includes.
            text = engine.call("logs", "--tail=3", self.id, merged=True)
        except (EngineFailed, UserError) as error:
            return str(error)
        return " | ".join(text.splitlines())

    def _inspect(self, form: str) -> str:
        try:
            return engines.find(self.engine).call(
                "container", "inspect", f"--format={form}", self.id
            )
        except (EngineFailed, UserError):
            return ""


def start(name: str, engine: Engine, wanted: Wanted, folder: Path, *, work: Path) -> Container:
    """Starts a container and records it in ``folder``.

    Args:
        name: of the record.
        engine: runs the container.
        wanted: what to run.
        folder: the run folder of a model's build.
        work: a folder that stores which of the engine's runtimes works on this machine.

    Raises:
        EngineFailed: none of the engine's runtimes could start it.
    """
    if wanted.writable:
        wanted.writable.mkdir(parents=True, exist_ok=True)
        wanted.writable.chmod(0o1777)  # the container's user does not exist on this machine
    label = f"{LABEL}={folder}"
    for old in engine.call("ps", "--all", "--quiet", f"--filter=label={label}").split():
        engine.call("rm", "--force", old)
    container_name = f"{_PREFIX}{folder.parent.name}-{name}-{wanted.rest_port}"
    tail = [*wanted.flags(), wanted.image, *wanted.arguments]
    remembered = work / f"{engine.name}-runs-with.json"
    ways = _ways(engine, wanted.memory)
    known_to_work = _remembered(remembered)
    first_error: EngineFailed | None = None
    record = _record(name, folder)
    started = Container(
        *(name, engine.name, container_name, wanted.image, engine.image_id(wanted.image)),
        *(wanted.host, wanted.rest_port, wanted.grpc_port, tail),
    )
    # Recorded by name before it starts: if this process is killed before the identifier is known,
    # the container can still be found and removed.
    write_text(record, json.dumps(asdict(started)))
    for runtime, limits in sorted(ways, key=lambda way: [*way[0], *way[1]] != known_to_work):
        words = [*runtime, "run", "--detach", f"--name={container_name}", f"--label={label}"]
        try:
            identity = engine.call(*words, *limits, *tail).splitlines()[-1]
        except EngineFailed as error:
            first_error = first_error or error
            engine.call("rm", "--force", container_name, ignore_failure=True)
            continue
        write_text(remembered, json.dumps([*runtime, *limits]))
        started = replace(started, id=identity)
        write_text(record, json.dumps(asdict(started)))
        return started
    record.unlink()
    assert first_error is not None  # noqa: S101 - there is at least one way, and all failed
    raise first_error


def running(name: str, folder: Path) -> Container | None:
    """Returns the recorded container of that name, or None when it is not running."""
    container = recorded(name, folder)
    return container if container is not None and container.is_alive else None


def recorded(name: str, folder: Path) -> Container | None:
    """Returns the recorded container of that name, running or not."""
    try:
        return Container(**json.loads(_record(name, folder).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def stop(name: str, folder: Path) -> bool:
    """Stops the recorded container gracefully, and removes it; returns whether it was running."""
    container = recorded(name, folder)
    if container is None:
        return False
    try:
        engine = engines.find(container.engine)
    except UserError:
        return False  # its engine was removed or is down, so it cannot be queried
    if _may_be_starting(container, _record(name, folder)):
        return False
    alive = container.is_alive
    if alive:
        engine.call("stop", f"--time={STOP_SECONDS}", container.id)
    engine.call("rm", "--force", container.id, ignore_failure=True)
    _record(name, folder).unlink()
    return alive


def _may_be_starting(container: Container, record: Path) -> bool:
    """Returns whether the engine may still be creating it for a command that was killed.

    The engine's client outlives that command. If the record were removed now, a server without a
    record could be left behind.
    """
    is_old = time.time() - record.stat().st_mtime > CALL_SECONDS
    return container.id.startswith(_PREFIX) and not is_old and not container.is_there


def _ways(engine: Engine, memory: str) -> list[tuple[list[str], list[str]]]:
    """Returns the runtimes and limits to try, the strictest and most common first."""
    limits = [f"--memory={memory}", "--pids-limit=512"]
    if engine.name == "docker":
        return [([], limits)]
    # Restricted virtual machines refuse crun, or limits above their own. A rootless engine
    # without control groups of its own cannot set any limits.
    lower = [*limits, "--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"]
    runc = ["--runtime=runc"]
    return [([], limits), ([], lower), (runc, limits), (runc, lower), ([], [])]


def _remembered(file: Path) -> list[str]:
    try:
        return list(json.loads(file.read_text()))
    except (OSError, ValueError):
        return []


def _record(name: str, folder: Path) -> Path:
    return folder / f"{name}-container.json"
