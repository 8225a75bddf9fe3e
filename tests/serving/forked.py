"""python -m tests.serving.forked FD: model servers, each in a fork of one process.

A server spends nearly all of its start on importing TensorFlow: two seconds of a processor. This
process imports what a server imports once, without using it, and forks for each server, which then
runs the same main() with the same arguments. A command line without ``--supervise=false`` becomes a
process as usual: it is for tests of how a server starts on its own and is supervised.
"""

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from core.toolchain import ROOT
from serving import embedded
from serving.server import supervisor

MESSAGE_BYTES = 1 << 17
NEW_PROCESS = embedded.launch


class ForkedServer:
    """What subprocess.Popen has of a process, as far as ``embedded`` needs it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = int(connection.recv(MESSAGE_BYTES))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(embedded.NAME, timeout or 0)
            self.returncode = int(self._connection.recv(MESSAGE_BYTES))
            self._connection.close()
        return self.returncode

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


class Forks:
    """The process that is forked; it starts with the first server."""

    def __init__(self) -> None:
        self._connection, self._other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Has ``embedded.running`` fork in the context."""
        before = embedded.launch
        embedded.launch = self.launch
        try:
            yield
        finally:
            embedded.launch = before

    def launch(self, words: list[str], environment: Mapping[str, str], log: IO[bytes]) -> Any:
        """Starts a server, as ``embedded.launch`` does."""
        if embedded.UNSUPERVISED not in words:
            return NEW_PROCESS(words, environment, log)
        if self._process is None:
            self._process = self._start()
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        job = {"words": words[1:], "environment": dict(environment)}
        with its:
            socket.send_fds(
                self._connection, [json.dumps(job).encode()], [its.fileno(), log.fileno()]
            )
        return ForkedServer(mine)

    def _start(self) -> "subprocess.Popen[bytes]":
        with self._other:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.serving.forked", str(self._other.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[self._other.fileno()],
            )

    def close(self) -> None:
        self._connection.close()
        self._other.close()
        if self._process is not None:
            self._process.wait()


def _import() -> None:
    from serving.server.dataplane.runtime import tensorflow

    tensorflow()
    import uvloop  # noqa: F401

    from serving.server import program, server  # noqa: F401
    from serving.server.dataplane import manager  # noqa: F401


def _next_job(control: socket.socket) -> list[str]:
    """Forks for each job and tells how it ended; returns in the forks, with their arguments."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([control, *running], [], [])[0]:
            if ready is not control:
                pid, connection = running.pop(ready)
                os.close(ready)
                with connection:
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    _answer(connection, code)
                continue
            message, descriptors, _, _ = socket.recv_fds(control, MESSAGE_BYTES, 2)
            if not message:
                sys.exit()  # and what still runs ends with this process
            connection, log = socket.socket(fileno=descriptors[0]), descriptors[1]
            parent = os.getpid()
            pid = os.fork()
            if not pid:
                supervisor._end_with(parent)
                for place in (1, 2):
                    os.dup2(log, place)
                for descriptor in (log, *running):
                    os.close(descriptor)
                for open_one in (control, connection, *(each for _, each in running.values())):
                    open_one.close()
                job = json.loads(message)
                os.environ.clear()
                os.environ.update(job["environment"])
                words: list[str] = job["words"]
                return words
            os.close(log)
            running[os.pidfd_open(pid)] = (pid, connection)
            _answer(connection, pid)


def _answer(connection: socket.socket, number: int) -> None:
    try:
        connection.send(str(number).encode())
    except OSError:
        return  # nobody waits for this server any more


def main() -> int:
    _import()
    words = _next_job(socket.socket(fileno=int(sys.argv[1])))
    random.seed()
    sys.argv = [embedded.NAME, *words]
    from serving.server.main import main as serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
