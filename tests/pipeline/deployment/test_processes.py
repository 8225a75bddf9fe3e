import os
import socket
import sys
import time
from pathlib import Path

import pytest

from core.errors import UserError
from pipeline.deployment import processes
from pipeline.settings.lock import exclusive

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def test_started_found_and_stopped(tmp_path: Path) -> None:
    started = processes.start("server", SLEEP, tmp_path, environment={})
    found = processes.running("server", tmp_path)
    assert found == started
    assert processes.stop("server", tmp_path)
    assert processes.running("server", tmp_path) is None
    assert not processes.stop("server", tmp_path)


def test_a_process_id_taken_by_another_is_not_ours(tmp_path: Path) -> None:
    started = processes.start("server", SLEEP, tmp_path, environment={})
    file = tmp_path / "server.json"
    file.write_text(file.read_text().replace(f'"started": {started.started}', '"started": 1'))
    assert processes.running("server", tmp_path) is None
    assert not processes.stop("server", tmp_path)
    assert started.is_alive
    os.kill(started.pid, 9)
    os.waitpid(started.pid, 0)


def test_its_last_words_are_kept(tmp_path: Path) -> None:
    process = processes.start(
        "server", [sys.executable, "-c", "print('a'); print('bad port')"], tmp_path, environment={}
    )
    deadline = time.monotonic() + 120
    while process.is_alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.last_words().endswith("bad port")


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"port {port} .*REST_PORT="):
            processes.require_free_port("127.0.0.1", port, "REST_PORT")


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path),
        pytest.raises(UserError, match=rf"in use by process {os.getpid()}"),
        exclusive(tmp_path),
    ):
        pass
    with exclusive(tmp_path):
        pass
