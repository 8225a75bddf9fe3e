"""python -m tests.warm FD: commands of the pipeline, each in a fork of one process.

Importing TFX takes a processor ten seconds, and TensorFlow half of that. This process imports them
once, without using them, and forks for each command; it imports TFX before the first command that
needs it. A job is a message of JSON on a socket that comes with the standard output and error of
the command; its answers are the fork's process id and, when that has ended, its status.
"""

import importlib
import json
import os
import random
import runpy
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, Any

from core import imports
from core.toolchain import ROOT

MESSAGE_BYTES = 1 << 17
PATIENCE_SECONDS = 3600.0
TRAINING = ("tensorflow", "keras", "pipeline.training.trainer", "pipeline.training.methods")
ALL = (
    *TRAINING,
    *("pipeline.stages.local_tfx", "tensorflow_model_analysis", "keras_tuner"),
    *("tensorflow_data_validation", "pipeline.stages.dag", "pipeline.stages.lineage"),
    *("pipeline.training.search", "pipeline.stages.in_process"),
    *("pipeline.commands.run", "pipeline.commands.tune", "pipeline.commands.monitor"),
    *("pipeline.release.verify", "pipeline.deployment.smoke", "pipeline.deployment.servers"),
    *("mobile.target", "serving.target", "web.target"),
)
Job = dict[str, Any]


def fanout(*words: str) -> Job:
    """Returns the job that a command line of ``fanout`` is."""
    return {"kind": "fanout", "words": list(words)}


def code(text: str) -> Job:
    """Returns the job of ``python -c``."""
    return {"kind": "code", "text": text}


def module(name: str, *words: str) -> Job:
    """Returns the job of ``python -m``."""
    return {"kind": "module", "name": name, "words": list(words)}


def without_tfx(job: Job) -> Job:
    """Returns a job that needs TensorFlow and Keras only."""
    return {**job, "modules": TRAINING}


class Running:
    """A command in a fork: what subprocess.Popen has of a process, as far as it is needed."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = int(_receive(connection)["pid"])
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = int(_receive(self._connection)["code"])
        return self.returncode


class Warm:
    """The process that is forked, and the commands in it, one at a time."""

    def __init__(self) -> None:
        self._connection, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(PATIENCE_SECONDS)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.warm", str(other.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
            )

    def start(
        self, job: Job, environment: Mapping[str, str], out: IO[Any], error: IO[Any]
    ) -> Running:
        """Begins a command. The one before must have ended."""
        message = json.dumps({**job, "environment": dict(environment)}).encode()
        socket.send_fds(self._connection, [message], [out.fileno(), error.fileno()])
        return Running(self._connection)

    def run(self, job: Job, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """Runs a command to its end."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as error:
            returncode = self.start(job, environment, out, error).wait()
            for stream in (out, error):
                stream.seek(0)
            return subprocess.CompletedProcess(str(job), returncode, out.read(), error.read())

    def close(self) -> None:
        self._connection.close()
        self._process.wait(PATIENCE_SECONDS)


def _receive(connection: socket.socket) -> dict[str, Any]:
    message = connection.recv(MESSAGE_BYTES)
    if not message:
        raise ChildProcessError("the warm process has ended")
    found: dict[str, Any] = json.loads(message)
    return found


def _next_job(connection: socket.socket) -> Job:
    """Forks for each job and tells how it ended; returns in the forks, with their job."""
    while True:
        message, streams, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 2)
        if not message:
            sys.exit()
        job: Job = json.loads(message)
        _import(job.get("modules", ALL))
        child = os.fork()
        if not child:
            connection.close()
            for place, stream in enumerate(streams, 1):
                os.dup2(stream, place)
                os.close(stream)
            return job
        for stream in streams:
            os.close(stream)
        connection.send(json.dumps({"pid": child}).encode())
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.send(json.dumps({"code": ended}).encode())


def _import(modules: Iterable[str]) -> None:
    missing = [name for name in modules if name not in sys.modules]
    if missing:
        with imports.large():
            for name in missing:
                importlib.import_module(name)


def _execute(job: Job) -> None:
    os.environ.clear()
    os.environ.update(job["environment"])
    random.seed()
    if job["kind"] == "fanout":
        sys.argv = ["fanout", *job["words"]]
        from pipeline.commands import cli

        sys.exit(cli.main())
    if job["kind"] == "code":
        sys.argv = ["-c"]
        exec(compile(job["text"], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
    else:
        sys.argv = [job["name"], *job["words"]]
        runpy.run_module(job["name"], run_name="__main__", alter_sys=True)


def main() -> None:
    # As ``fanout`` sets them before it imports anything.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    _execute(_next_job(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
