"""What a server writes of requests: access log and request log, in real servers."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving import embedded, request_log
from serving.client import Client
from serving.embedded import Address
from tests.serving.asking import (
    ADMIN,
    BODY,
    KEY,
    METRICS,
    PICTURES,
    PREDICT,
    ask,
    instances,
    picture,
    serving,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def logging_server(folder: Path, half_plus_two: Path, classifier: Path) -> Iterator[Address]:
    """A server of ``half``, which has a log of its own, and ``pictures``, with keys."""
    of_half = f"""logging_config {{
      log_collector_config {{ type: "tfrecord" filename_prefix: "{folder}/own/half" }}
      sampling_config {{ sampling_rate: 1.0 }}
    }}"""
    options = {
        "access_log": folder / "access.log",
        "request_log_prefix": folder / "requests",
        "request_log_sampling_rate": "1",
    }
    keys = f"{KEY}\n"
    with serving(
        folder, half_plus_two, classifier, keys=keys, of_half=of_half, **options
    ) as address:
        yield address


def lines(path: Path, wanted: Any) -> list[dict[str, Any]]:
    """Returns the lines of an access log that are wanted, as soon as there are any."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = [json.loads(line) for line in path.read_text().splitlines()]
        if matching := [line for line in found if wanted(line)]:
            return matching
        time.sleep(0.02)
    raise AssertionError(path.read_text()[-2000:])


def test_access_log(logging_server: Address, folder: Path) -> None:
    path = "/v1/models/half/versions/123:predict"
    asked = time.monotonic()
    ask(logging_server, "POST", path, BODY, x_api_key=KEY)
    answered = time.monotonic()
    (line, *_) = lines(folder / "access.log", lambda line: line["path"] == path)
    assert line["time"].endswith("Z") and line["remote"].startswith("127.0.0.1:")
    assert 0 <= line.pop("milliseconds") <= 1e3 * (answered - asked) + 1
    del line["time"], line["remote"]
    assert line == {
        "transport": "rest", "method": "POST", "path": path, "model": "half", "status": 200,
        "request_bytes": len(BODY), "response_bytes": len(b'{"predictions":[2.5]}'),
    }  # fmt: skip
    ask(logging_server, "POST", "/v1/models/none:predict", BODY)
    assert lines(folder / "access.log", lambda line: line["model"] == "none")[0]["status"] == 401
    with Client(logging_server.grpc, "half", api_key=KEY) as client:
        client.predict([[1.0]])
    (line, *_) = lines(
        folder / "access.log",
        lambda line: line["path"].endswith("/Predict") and line["status"] == "OK",
    )
    assert line["path"] == "/tensorflow.serving.PredictionService/Predict"
    assert (line["transport"], line["model"]) == ("grpc", "half")
    assert line["request_bytes"] > 10 and line["response_bytes"] > 10
    assert KEY not in (folder / "access.log").read_text()


def logged(prefix: Path, wanted: Any) -> list[request_log.Logged]:
    """Returns the records of a log that are wanted, as soon as there are any."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if found := [one for one in request_log.read(prefix) if wanted(one)]:
            return found
        time.sleep(0.05)
    raise AssertionError([one.message for one in request_log.read(prefix)])


def test_request_log(logging_server: Address, folder: Path) -> None:
    ask(logging_server, "POST", PREDICT, b'{"instances": [[71.0], [72.0]]}', x_api_key=KEY)
    prefix = folder / "own" / "half"
    (rest,) = logged(prefix, lambda one: one.kind == "predict" and 71.0 in one.inputs["x"])
    assert (rest.model, rest.version, rest.signature) == ("half", 123, "serving_default")
    assert rest.inputs["x"].tolist() == [[71.0], [72.0]]
    assert rest.outputs["y"].tolist() == [[37.5], [38.0]]
    metadata = rest.message.log_metadata
    assert metadata.sampling_config.sampling_rate == 1.0
    assert list(metadata.saved_model_tags) == ["serve"]
    with Client(logging_server.grpc, "half", api_key=KEY) as client:
        client.predict([[73.0]])
    (by_grpc,) = logged(prefix, lambda one: one.kind == "predict" and 73.0 in one.inputs["x"])
    assert by_grpc.outputs["y"].tolist() == [[38.5]]
    for verb, name in (("regress", "regress_x_to_y"), ("classify", "classify_x_to_y")):
        body = json.dumps({"signature_name": name, "examples": [{"x": 74.0}]}).encode()
        ask(logging_server, "POST", f"/v1/models/half:{verb}", body, x_api_key=KEY)
    (regressed,) = logged(prefix, lambda one: one.kind == "regress")
    log = regressed.message.regress_log
    (sent,) = log.request.input.example_list.examples
    assert sent.features.feature["x"].float_list.value[0] == 74.0
    assert log.response.result.regressions[0].value == 39.0
    (classified,) = logged(prefix, lambda one: one.kind == "classify")
    result = classified.message.classify_log.response.result.classifications[0]
    assert result.classes[0].score == 39.0
    body = instances(picture("PNG", 4))
    ask(logging_server, "POST", PICTURES, body, x_api_key=KEY)  # by the flags' prefix
    one = logged(folder / "requests.pictures", lambda one: one.signature == "serving_bytes")[0]
    assert one.inputs["image_bytes"].tolist() == [picture("PNG", 4)]
    _, _, metrics = ask(logging_server, "GET", METRICS, x_api_key=ADMIN)
    assert b':tensorflow:serving:request_log_count{model_name="half",status_code="OK"}' in metrics


@pytest.fixture(scope="module")
def blocked(folder: Path, half_plus_two: Path) -> Iterator[Address]:
    """A server with logs that no disk takes."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    file = folder / "a-file"
    file.write_text("")
    flags = (
        f"--request_log_prefix={file / 'requests'}",
        "--request_log_sampling_rate=1",
        "--access_log=/dev/full",
        f"--monitoring_config_file={folder / 'monitoring'}",
    )
    with embedded.running("half", half_plus_two, *flags) as address:
        yield address


def test_logging_does_not_hold_up_requests(blocked: Address) -> None:
    """Requests are answered, records dropped and counted."""
    for _ in range(20):
        assert ask(blocked, "POST", PREDICT, BODY)[0] == 200
    deadline = time.monotonic() + 120
    wanted = re.compile(
        rb'request_log_count\{model_name="half",status_code="UNAVAILABLE"\} [12]\d\n'
        rb".*access_log_dropped_count [1-9]",
        re.DOTALL,
    )
    while not wanted.search(metrics := ask(blocked, "GET", METRICS)[2]):
        assert time.monotonic() < deadline, metrics.decode()
        time.sleep(0.05)
