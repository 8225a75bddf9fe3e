"""A real server whose process is killed: its supervisor starts it again."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.deployment import processes
from serving import embedded
from serving.client import Client
from serving.embedded import Address
from serving.server import supervisor
from tests.serving.asking import METRICS, ask
from tests.serving.processes import children, resident

SECONDS = 300


@pytest.fixture(scope="module")
def address() -> Address:
    return Address(*embedded.free_ports(2))


@pytest.fixture(scope="module")
def parent(
    address: Address, half_plus_two: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """Yields the process id of the supervisor of a server that answers."""
    monitoring = tmp_path_factory.mktemp("server") / "monitoring"
    monitoring.write_text("prometheus_config { enable: true }")
    command = embedded.command(
        "half", half_plus_two, address, f"--monitoring_config_file={monitoring}"
    )
    with embedded.started(command) as process:
        embedded.wait_until_ready(address, "half", process=process)
        yield process.pid
        process.terminate()
        assert process.wait(SECONDS) == 0


def metrics(address: Address) -> dict[str, str]:
    status, _, content = ask(address, "GET", METRICS)
    assert status == 200
    lines = [line.rpartition(" ") for line in content.decode().splitlines()]
    return {name: value for name, _, value in lines if name.startswith(":fanout:model_server:")}


def test_it_answers_again_and_counts_the_restart(parent: int, address: Address) -> None:
    assert metrics(address) == {":fanout:model_server:restart_count": "0"}
    first = processes.twin(parent)
    assert first is not None
    before = time.time()
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while processes.twin(parent) in (None, first):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert embedded.wait_until_ready(address, "half", timeout=SECONDS) == [123]
    with Client(address.grpc, "half") as client:
        assert client.predict({"x": [[2.0]]}).tolist() == [[3.0]]
    found = metrics(address)
    assert found.pop(":fanout:model_server:restart_count") == "1"
    ((name, value),) = found.items()
    assert name == ':fanout:model_server:last_restart_time_seconds{reason="SIGKILL"}'
    assert before - 0.001 <= float(value) <= time.time()


def test_the_parent_is_small(parent: int) -> None:
    assert resident(parent) < 40 << 20


@pytest.mark.parametrize("supervised", [True, False])
def test_ctrl_c_while_it_starts_is_no_error(half_plus_two: Path, supervised: bool) -> None:
    flags = () if supervised else (embedded.UNSUPERVISED,)
    command = embedded.command("half", half_plus_two, Address(*embedded.free_ports(2)), *flags)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + SECONDS
        while not any(imports_tensorflow(pid) for pid in (process.pid, *children(process.pid))):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=SECONDS)
    assert "Traceback" not in said
    assert process.returncode in (0, 130), said


def imports_tensorflow(process: int) -> bool:
    with contextlib.suppress(OSError):
        return "libtensorflow_framework" in Path(f"/proc/{process}/maps").read_text()
    return False


def test_the_server_of_a_check_is_not_supervised(monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[str] = []

    @contextlib.contextmanager
    def started(command: list[str], _: object) -> Iterator[None]:
        words.extend(command)
        yield

    monkeypatch.setattr(embedded, "started", started)
    monkeypatch.setattr(embedded, "wait_until_ready", lambda *_, **__: [1])
    with embedded.running("half", None):
        assert embedded.UNSUPERVISED in words
    words.clear()
    with embedded.running("half", None, "--supervise"):
        assert supervisor.is_wanted(words)
