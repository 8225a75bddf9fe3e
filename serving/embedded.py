"""Starts ``fanout-model-server``, waits until it answers, and stops it."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import FanoutError
from core.toolchain import ROOT, require
from serving.client.versions import NoStatus, Versions

NAME = "fanout-model-server"
HOST = "127.0.0.1"
START_SECONDS = 120.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
UNSUPERVISED = "--supervise=false"
PORTS = range(20_000, 32_768)


class ServerFailed(FanoutError):
    """A server ended or did not become ready."""


@dataclass(frozen=True)
class Address:
    """The address and ports that a server listens on."""

    rest_port: int
    grpc_port: int
    host: str = HOST

    @property
    def rest(self) -> str:
        return f"http://{self.host}:{self.rest_port}"

    @property
    def grpc(self) -> str:
        return f"grpc://{self.host}:{self.grpc_port}"


def executable() -> Path:
    """Returns the server's console script. Raises UserError when it is not installed."""
    beside = Path(sys.executable).with_name(NAME)
    return beside if beside.exists() else require(ROOT / ".venv" / "bin" / NAME)


def command(model: str, base_path: Path | None, address: Address, *arguments: str) -> list[str]:
    """Returns the command line that serves one model, or what the further arguments name."""
    return [
        str(executable()),
        f"--host={address.host}",
        f"--port={address.grpc_port}",
        f"--rest_api_port={address.rest_port}",
        *([f"--model_name={model}", f"--model_base_path={base_path}"] if base_path else []),
        *arguments,
    ]


def wait_until_ready(
    address: Address,
    model: str,
    *,
    timeout: float = START_SECONDS,
    process: "subprocess.Popen[Any] | None" = None,
) -> list[int]:
    """Returns the versions that are AVAILABLE, as soon as there is one.

    Args:
        address: of the server, which is queried over REST.
        model: the model to wait for.
        timeout: in seconds.
        process: of the server; if given, the wait ends when it exits.

    Raises ServerFailed when the timeout expires or the process has exited.
    """
    server = Versions(address.rest, model)
    deadline = time.monotonic() + timeout
    while True:
        try:
            if versions := server.available():
                return versions
            problem = "no version is available"
        except NoStatus as error:
            problem = str(error)
        if process is not None and process.poll() is not None:
            raise ServerFailed(f"{NAME} ended with exit code {process.returncode}")
        if time.monotonic() > deadline:
            raise ServerFailed(
                f"{NAME} at {address.rest} does not serve {model!r} after {timeout:g} s: {problem}"
            )
        time.sleep(POLL_SECONDS)


@contextlib.contextmanager
def running(
    model: str,
    base_path: Path | None,
    *arguments: str,
    timeout: float = START_SECONDS,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Address]:
    """Yields the address of a server of one model on free ports; the server is always stopped.

    It is not supervised: if it dies, whoever uses it must notice.

    Args:
        model, base_path, arguments: the same as for command().
        timeout: in seconds.
        environment: variables that the server gets besides those of this process.

    Raises ServerFailed with the last line of the server's output when it does not become ready.
    """
    rest_port, grpc_port = free_ports(2)
    address = Address(rest_port, grpc_port)
    words = command(model, base_path, address, UNSUPERVISED, *arguments)
    with started(words, environment) as process:
        wait_until_ready(address, model, timeout=timeout, process=process)
        yield address


@contextlib.contextmanager
def started(
    words: list[str], environment: Mapping[str, str] | None = None
) -> Iterator["subprocess.Popen[Any]"]:
    """Yields the process that a command line starts; it is always stopped.

    Args:
        words: the command line.
        environment: variables that it gets besides those of this process.

    The last line of the server's output is appended to a ServerFailed raised in the block.
    """
    with tempfile.TemporaryFile() as log:
        process = launch(words, os.environ | dict(environment or {}), log)
        try:
            yield process
        except ServerFailed as error:
            raise ServerFailed(f"{error}: {_last_line(log)}") from error
        finally:
            stop(process)


def launch(
    words: list[str], environment: Mapping[str, str], log: IO[bytes]
) -> "subprocess.Popen[Any]":
    """Returns the process that a command line starts, which writes into ``log``."""
    return subprocess.Popen(
        words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
    )


def stop(process: "subprocess.Popen[Any]") -> None:
    """Ends a server: terminates it first, then kills it if it does not exit."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_ports(count: int) -> list[int]:
    """Returns ports that no process listens on at this moment.

    They are drawn from below the range that the kernel hands out, so that no connection opened in
    the meantime can take one. Raises ServerFailed when too few are free.
    """
    ports: list[int] = []
    # Training seeds the generator that all share: two runs at a time would draw the same ports.
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise ServerFailed(f"fewer than {count} ports from {PORTS[0]} to {PORTS[-1]} are free")


def _last_line(log: Any) -> str:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
