"""A real server whose process is killed: its supervisor starts it again."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.deployment import processes
from serving import embedded
from serving.client import Client
from serving.embedded import Address
from tests.serving.asking import METRICS, ask
from tests.serving.processes import resident

SECONDS = 300


@pytest.fixture
def address() -> Address:
    return Address(*embedded.free_ports(2))


@pytest.fixture
def server(address: Address, half_plus_two: Path, tmp_path: Path) -> Iterator[int]:
    """Yields the process id of the supervisor of a server that answers."""
    monitoring = tmp_path / "monitoring"
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


def test_it_answers_again_and_counts_the_restart(server: int, address: Address) -> None:
    assert metrics(address) == {":fanout:model_server:restart_count": "0"}
    first = processes.twin(server)
    assert first is not None
    before = time.time()
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + SECONDS
    while processes.twin(server) in (None, first):
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


def test_the_parent_is_small(server: int) -> None:
    assert resident(server) < 40 << 20


def test_a_server_that_nothing_starts_again_has_no_such_metrics(
    half_plus_two: Path, tmp_path: Path
) -> None:
    monitoring = tmp_path / "monitoring"
    monitoring.write_text("prometheus_config { enable: true }")
    with embedded.running(
        "half", half_plus_two, f"--monitoring_config_file={monitoring}"
    ) as address:
        assert metrics(address) == {}
