"""The servers that are compared: their environments, commands and request paths."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import HOST
from core.errors import FanoutError
from core.toolchain import ROOT
from serving import embedded

BENCH = ROOT / "build" / "bench"
UV = ROOT / ".venv-tools" / "bin" / "uv"
START_SECONDS = 200.0
PEERS = ("kserve", "bentoml", "fastapi")
OURS = "tf-fanout"
# Our own services behind grpcio's server, in our own environment.
GRPCIO = "grpcio"
PREDICT = "/tensorflow.serving.PredictionService/Predict"


@dataclass(frozen=True)
class Target:
    """One API of a server.

    Attributes:
        name: the name in the table.
        protocol: ``http`` or ``grpc``.
        path: the path of a prediction.
        status: the path of the model's status; empty if there is none.
    """

    name: str
    pid: int
    protocol: str
    port: int
    path: str
    status: str = ""


def install(peer: str) -> None:
    """Makes a peer's environment from its lock, unless it already matches the lock."""
    lock = ROOT / "requirements" / f"bench-{peer}.lock"
    folder = BENCH / "environments" / peer
    done = folder / "installed.lock"
    if done.is_file() and done.read_bytes() == lock.read_bytes():
        return
    print(f"installing {peer} into {folder.relative_to(ROOT)} …", flush=True)
    subprocess.run([UV, "venv", "--quiet", "--clear", "--python", _python(), folder], check=True)
    python = folder / "bin" / "python"
    sync = [UV, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes"]
    subprocess.run([*sync, "--python", python, lock], check=True)
    done.write_bytes(lock.read_bytes())


def _python() -> str:
    """Returns the Python that this project's own environment was made from."""
    result = subprocess.run(
        ["sh", ROOT / "scripts" / "python311.sh"], check=True, capture_output=True, text=True
    )
    return result.stdout.strip()


def body(protocol: str, pictures: int = 1) -> Path:
    """Returns the file with the body of a request."""
    name = "body" if pictures == 1 else f"body-{pictures}"
    return BENCH / f"{name}.{'pb' if protocol == 'grpc' else 'json'}"


@contextlib.contextmanager
def running(name: str, model: str, *flags: str) -> Iterator[list[Target]]:
    """Starts a server with one worker for a model, and yields its targets; always stops it.

    The server has only just been started: see ``wait``.

    Args:
        flags: additional flags for our own server, also behind grpcio.
    """
    folder = BENCH / "models" / model
    port, grpc_port = embedded.free_ports(2)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"}
    environment |= {"BENCH_MODEL": str(folder / "1"), "BENTOML_DO_NOT_TRACK": "1"}
    environment["BENTOML_HOME"] = str(BENCH / "bentoml")
    binaries = BENCH / "environments" / name / "bin"
    peers = ROOT / "benchmarks" / "peers"
    commands: dict[str, list[str]] = {
        "kserve": [str(binaries / "python"), str(peers / "kserve_server.py"),
                   str(port), model, str(folder / "1")],
        "bentoml": [str(binaries / "bentoml"), "serve", "bentoml_server:SavedModel",
                    "--working-dir", str(peers), "--host", HOST, "--port", str(port)],
        "fastapi": [str(binaries / "uvicorn"), "fastapi_server:app", "--app-dir", str(peers),
                    "--host", HOST, "--port", str(port), "--no-access-log"],
        # Not supervised, so that the process measured is the one that serves.
        OURS: [*embedded.command(model, folder, embedded.Address(port, grpc_port)),
               embedded.UNSUPERVISED, *flags],
        GRPCIO: [sys.executable, "-m", "benchmarks.peers.grpcio_server",
                 str(grpc_port), model, str(folder), *flags],
    }  # fmt: skip
    # Scripts of another environment must not find the packages of this one.
    environment.pop("PYTHONPATH", None)
    if name == GRPCIO:
        environment["PYTHONPATH"] = str(ROOT)
    predict = "/predict" if name in ("bentoml", "fastapi") else f"/v1/models/{model}:predict"
    log = BENCH / f"{'-'.join((name, model, *flags))}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            commands[name], env=environment, stdout=output, stderr=output, cwd=BENCH,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            status = f"/v1/models/{model}" if name in ("kserve", OURS) else ""
            title = f"{name} REST" if name == OURS else name
            http = Target(title, process.pid, "http", port, predict, status)
            grpc = Target(f"{name} gRPC", process.pid, "grpc", grpc_port, PREDICT)
            yield {OURS: [http, grpc], GRPCIO: [grpc]}.get(name, [http])
        finally:
            embedded.stop(process)


def wait(target: Target) -> None:
    """Waits until a prediction succeeds. Raises FanoutError when none does in time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and Path(f"/proc/{target.pid}").exists():
        load = subprocess.run(
            [sys.executable, "-m", "benchmarks.load", target.protocol, str(target.port),
             target.path, "--body", str(body(target.protocol)), "--connections", "1",
             "--seconds", "0.5"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if load.returncode == 0 and '"failures": 0' in load.stdout:
            return
        time.sleep(1)
    raise FanoutError(f"{target.name} does not answer; see the logs in {BENCH}")


def cpu_seconds(pid: int) -> float:
    """Returns the CPU time that a process and its children, running and ended, have used."""
    children: dict[int, list[int]] = {}
    times = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            number = int(entry.parent.name)
            children.setdefault(int(fields[1]), []).append(number)
            times[number] = sum(map(int, fields[11:15]))
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        total += times.get(one, 0)
        waiting += children.get(one, [])
    return total / os.sysconf("SC_CLK_TCK")
