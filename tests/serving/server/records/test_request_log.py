"""Records of requests: rotated, bounded, dropped rather than waited for, read back."""

import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from serving import request_log
from serving.server.dataplane import saved_model
from serving.server.dataplane.model_config import Sampling, parse
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import ServingError
from serving.server.records import request_files
from serving.server.records.background import Background
from serving.server.records.request_writer import RequestLog, default_sampling


@pytest.fixture(scope="module")
def servable(half_plus_two: Path) -> Servable:
    return saved_model.load(half_plus_two / "00000123", name="half", version=123)


def fill(
    servable: Servable, prefix: Path, count: int, *, rate: float = 1.0, **bounds: int
) -> Counter[str]:
    counted: Counter[str] = Counter()
    log = RequestLog(
        lambda _: Sampling(prefix, rate), ("serve",), lambda _, code: counted.update([code]),
        **bounds,
    )  # fmt: skip
    signature = servable.signatures["serving_default"]
    for number in range(count):
        array = np.full((1, 1), number, np.float32)
        log.predict(servable, signature, {"x": array}, {"y": array / 2})
    log.close()
    return counted


def test_what_was_logged_is_read_in_order(servable: Servable, tmp_path: Path) -> None:
    prefix = tmp_path / "logs" / "half"
    assert fill(servable, prefix, 20) == {"OK": 20}
    (file,) = request_files.files(prefix)
    for place in (prefix, file):
        found = list(request_log.read(place))
        assert [one.inputs["x"][0, 0] for one in found] == list(range(20))
        assert {one.version for one in found} == {123}


def test_files_are_bounded(servable: Servable, tmp_path: Path) -> None:
    prefix = tmp_path / "half"
    fill(servable, prefix, 200, max_bytes=3000, max_files=3)
    files = request_files.files(prefix)
    assert len(files) == 3
    assert all(file.stat().st_size <= 3000 for file in files)
    kept = [one.inputs["x"][0, 0] for one in request_log.read(prefix)]
    assert kept == list(range(200 - len(kept), 200))  # the newest


def test_a_record_that_is_cut_off_ends_its_file(servable: Servable, tmp_path: Path) -> None:
    prefix = tmp_path / "half"
    fill(servable, prefix, 5)
    (file,) = request_files.files(prefix)
    content = file.read_bytes()
    for cut in (1, 4, 20):
        file.write_bytes(content[:-cut])
        assert len(list(request_log.read(prefix))) == 4
    file.write_bytes(b"")
    assert list(request_log.read(prefix)) == []


def test_prefixes_that_begin_alike_are_kept_apart(servable: Servable, tmp_path: Path) -> None:
    for name, count in (("half", 1), ("half-two", 2)):
        fill(servable, tmp_path / name, count)
    assert len(list(request_log.read(tmp_path / "half"))) == 1
    assert len(list(request_log.read(tmp_path / "half-two"))) == 2


def test_sampling(servable: Servable, tmp_path: Path) -> None:
    assert fill(servable, tmp_path / "none", 100, rate=0.0) == {}
    assert 100 < fill(servable, tmp_path / "some", 1000, rate=0.25)["OK"] < 400


def test_what_piles_up_is_dropped() -> None:
    held, done = threading.Event(), []
    thread = Background("test", max_entries=3, max_bytes=100)
    assert thread.offer(1, lambda: held.wait(120) and None)
    while thread.offer(10, lambda: done.append(1)):
        pass
    assert not thread.offer(200, lambda: done.append(2))
    held.set()
    thread.stop()
    assert done in ([1, 1, 1], [1, 1])
    assert not thread.offer(1, lambda: None)


def test_names_that_files_cannot_have() -> None:
    sampling = default_sampling(Path("/logs/requests"), "a/b", 0.5)
    assert sampling == Sampling(Path("/logs/requests.a%2Fb"), 0.5)


LOGGING = """model_config_list {{ config {{ name: "m" base_path: "/m"
  logging_config {{
    log_collector_config {{ type: "{type}" filename_prefix: "{prefix}" }}
    sampling_config {{ sampling_rate: {rate} }}
  }} }} }}"""


def test_logging_config() -> None:
    (config,) = parse(LOGGING.format(type="tfrecord", prefix="/logs/m", rate=0.5))
    assert config.logging == Sampling(Path("/logs/m"), 0.5)
    for wrong, message in (
        ({"type": "kafka"}, "log collector type 'kafka', expected 'tfrecord'"),
        ({"prefix": ""}, "no log filename_prefix"),
        ({"rate": 2}, "sampling_rate 2, expected 0 to 1"),
    ):
        with pytest.raises(ServingError, match=message):
            parse(LOGGING.format(**{"type": "", "prefix": "/logs/m", "rate": 0.5, **wrong}))
