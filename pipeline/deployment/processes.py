"""Servers in the background: started apart from the terminal, found again, ended by process id."""

import json
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.errors import UserError
from core.files import write_text

_GRACE_SECONDS = 15.0


@dataclass(frozen=True)
class Process:
    """A server that was started in the background.

    Attributes:
        name: ``server`` or ``page``.
        pid: its process id.
        started: its start time as the kernel counts it, as a process id may be reused.
        command: its command line.
        log: the file with its output.
    """

    name: str
    pid: int
    started: int
    command: list[str]
    log: str

    @property
    def is_alive(self) -> bool:
        return _start_time(self.pid) == self.started

    @property
    def ports(self) -> frozenset[str]:
        """Returns the ports in its command line, on which it listens."""
        return frozenset(word.partition("=")[2] for word in self.command if "port=" in word)

    def last_words(self) -> str:
        """Returns the last lines of its log."""
        lines = Path(self.log).read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-3:])


def start(name: str, command: list[str], folder: Path, *, environment: dict[str, str]) -> Process:
    """Starts a command in its own session and records it in ``folder``.

    Raises:
        FileNotFoundError: ``command[0]`` is not the path of a program.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    # Recorded before it starts: if this process is killed before it knows the process id, the
    # server is still found.
    _record(Process(name, 0, 0, command, str(log)), folder)
    # Not subprocess.Popen: the process outlives this one, which Popen treats as a mistake.
    pid = os.posix_spawn(
        command[0],
        command,
        {**os.environ, **environment},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    process = Process(name, pid, _start_time(pid) or 0, command, str(log))
    _record(process, folder)
    return process


def running(name: str, folder: Path) -> Process | None:
    """Returns the recorded process of that name, or None if it is not alive."""
    process = recorded(name, folder)
    if process is not None and not process.pid:
        process = _found(process) or process
    return process if process is not None and process.is_alive else None


def recorded(name: str, folder: Path) -> Process | None:
    """Returns the recorded process of that name, alive or not; None without a legible record."""
    try:
        return Process(**json.loads((folder / f"{name}.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def twin(parent: int) -> int | None:
    """Returns the child that a process has forked and that still has its command line, if any."""
    with suppress(OSError):
        words = Path(f"/proc/{parent}/cmdline").read_bytes()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, IndexError):
                # Field 4, the second after the command's name, is the parent.
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                is_alive = fields[0] not in "ZX" and int(fields[1]) == parent
                if is_alive and (folder / "cmdline").read_bytes() == words:
                    return int(folder.name)
    return None


def stop(name: str, folder: Path) -> bool:
    """Ends the recorded process, gently first; returns whether there was one."""
    process = running(name, folder)
    if process is not None:
        os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while process.is_alive and time.monotonic() < deadline:
            _reap(process.pid)
            time.sleep(0.05)
        if process.is_alive:
            os.kill(process.pid, signal.SIGKILL)
            _reap(process.pid)
    (folder / f"{name}.json").unlink(missing_ok=True)
    return process is not None


def require_free_port(host: str, port: int, variable: str) -> None:
    """Raises UserError when the port is in use; the message says how to choose another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"port {port} on {host} cannot be used: {error.strerror}; end the process that "
                f"listens there, or choose another port with {variable}=…"
            ) from error


def _record(process: Process, folder: Path) -> None:
    write_text(folder / f"{process.name}.json", json.dumps(asdict(process)))


def _found(recorded: Process) -> Process | None:
    """Returns the process of a record without an id: the process with the same command line."""
    words = b"".join(word.encode() + b"\0" for word in recorded.command)
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            pid = int(folder.name)
            # A script's command line begins with its interpreter. What it forks has the same, but
            # does not lead the session.
            if (folder / "cmdline").read_bytes().endswith(words) and os.getsid(pid) == pid:
                return replace(recorded, pid=pid, started=_start_time(pid) or 0)
    return None


def _start_time(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The fields after the command's name, which is in parentheses: field 3 is the state, field 22
    # the start time.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
