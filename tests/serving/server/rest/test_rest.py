"""The REST API without a transport, over real models in this process."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from serving.server.dataplane.scheduler import Call
from serving.server.dataplane.statuses import ServingError
from serving.server.dataplane.versions import Models
from serving.server.rest.api import Rest
from serving.server.rest.reading import ReadLimits
from serving.server.rest.responses import Response, Waiting


@pytest.fixture
def rest(models: Models) -> Iterator[Rest]:
    yield Rest(models)
    assert not any(version.lease.users for version in models.available("half"))


def handle(rest: Rest, method: str, path: str, body: bytes = b"", encoding: str = "") -> Response:
    """Does all that a request waits for, here and now."""
    step = rest.begin(method, path, [body] if body else [], encoding)
    while isinstance(step, Waiting):
        work = step.work
        try:
            result: Any = work.run() if isinstance(work, Call) else work.function(*work.arguments)
        except ServingError as error:
            result = error
        if isinstance(work, Call):
            work.lease.release()
        step = step.finish(result)
    return step


def post(rest: Rest, path: str, body: str | bytes, encoding: str = "") -> tuple[int, Any]:
    raw = body.encode() if isinstance(body, str) else body
    response = handle(rest, "POST", path, raw, encoding)
    assert response.content_type == "application/json"
    return response.status, json.loads(response.body) if response.body else None


HALF = "/v1/models/half:predict"
TYPES = "/v1/models/types:predict"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ('{"instances": [1.0, 2.0]}', {"predictions": [2.5, 3.0]}),
        ('{"inputs": [3.0, 4.0]}', {"outputs": [3.5, 4.0]}),
        ('{"instances": [[1], [3]]}', {"predictions": [[2.5], [3.5]]}),
        ('{"instances": [{"x": 1.0}]}', {"predictions": [2.5]}),
    ],
)
def test_half_plus_two(rest: Rest, body: str, answer: object) -> None:
    for choice in ("", "/versions/123", "/labels/stable"):
        assert post(rest, f"/v1/models/half{choice}:predict", body) == (200, answer)


def test_several_inputs_and_outputs(rest: Rest) -> None:
    body = '{"signature_name": "two", "instances": [{"a": [1, 2], "b": 3}, {"a": [4, 5], "b": 6}]}'
    answer = {"predictions": [{"sum": 3.0, "twice": 6}, {"sum": 9.0, "twice": 12}]}
    assert post(rest, TYPES, body) == (200, answer)
    body = '{"signature_name": "two", "inputs": {"a": [[1, 2]], "b": [3]}}'
    assert post(rest, TYPES, body) == (200, {"outputs": {"sum": [3.0], "twice": [6]}})


def test_strings_and_bytes(rest: Rest) -> None:
    body = '{"signature_name": "text", "instances": [{"b64": "YWI="}, "cd"]}'
    answer = {
        "predictions": [
            {"plain": "ab", "raw_bytes": {"b64": "YWI="}},
            {"plain": "cd", "raw_bytes": {"b64": "Y2Q="}},
        ]
    }
    assert post(rest, TYPES, body) == (200, answer)


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (HALF, "", 400, "JSON Parse error: The document is empty"),
        ("/v1/models/no:predict", "", 400, "JSON Parse error: The document is empty"),
        ("/v1/models/no:predict", "{}", 404, "Servable not found for request: Latest(no)"),
        ("/v1/models/half/versions/9:predict", '{"instances": [1]}', 404,
         "Servable not found for request: Specific(half, 9)"),
        ("/v1/models/half/labels/x:predict", '{"instances": [1]}', 400,
         "Unrecognized servable version label: x"),
        (HALF, '{"signature_name": "x", "instances": [1]}', 400,
         'Serving signature name: "x" not found in signature def'),
        (TYPES, '{"signature_name": "half", "inputs": [1.5]}', 501,
         "Conversion of JSON Value: 1.5 to type: half"),
        (TYPES, '{"signature_name": "scalar", "instances": [1.5]}', 400,
         "Tensor name: total has no shape information"),
        (TYPES, '{"signature_name": "uneven", "instances": [1.5]}', 400,
         "Tensor name: two has inconsistent batch size: 2 expecting: 1"),
        ("/v1/foo", "{}", 400, "Malformed request: POST /v1/foo"),
    ],
)  # fmt: skip
def test_refusals(rest: Rest, path: str, body: str, status: int, message: str) -> None:
    got, answer = post(rest, path, body)
    assert got == status
    assert answer["error"].startswith(message)


def test_errors_of_the_graph_keep_their_code(rest: Rest) -> None:
    status, answer = post(rest, TYPES, '{"signature_name": "two", "inputs": {"a": [1], "b": [1]}}')
    assert status == 400
    assert answer["error"]


def test_status(rest: Rest) -> None:
    entry = {
        "version": "123",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    for choice in ("", "/versions/123", "/labels/stable"):
        response = handle(rest, "GET", f"/v1/models/half{choice}")
        assert response.status == 200
        assert json.loads(response.body) == {"model_version_status": [entry]}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/models/no", "Could not find any versions of model no"),
        ("/v1/models/half/versions/9", "Could not find version 9 of model half"),
        ("/v1/models/no/metadata", "Servable not found for request: Latest(no)"),
    ],
)
def test_nothing_to_describe(rest: Rest, path: str, message: str) -> None:
    response = handle(rest, "GET", path)
    assert (response.status, json.loads(response.body)) == (404, {"error": message})


def test_metadata(rest: Rest) -> None:
    answer = json.loads(handle(rest, "GET", "/v1/models/half/metadata").body)
    assert answer["model_spec"] == {"name": "half", "signature_name": "", "version": "123"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert sorted(signatures) == ["classify_x_to_y", "regress_x_to_y", "serving_default"]
    default = signatures["serving_default"]
    assert default["method_name"] == "tensorflow/serving/predict"
    assert default["inputs"]["x"] == {
        "dtype": "DT_FLOAT",
        "tensor_shape": {
            "dim": [{"size": "-1", "name": ""}, {"size": "1", "name": ""}],
            "unknown_rank": False,
        },
        "name": "x:0",
    }
    assert default["defaults"] == {}


def test_outside_the_api_is_a_page(rest: Rest) -> None:
    response = handle(rest, "GET", "/")
    assert (response.status, response.content_type) == (404, "text/html")


def test_error_without_a_body(rest: Rest) -> None:
    response = handle(rest, "GET", "/v1/models/half/versions/18446744073709551615")
    assert (response.status, response.body) == (400, b"")


def test_gzip(rest: Rest) -> None:
    body = gzip.compress(b'{"instances": [1.0]}')
    assert post(rest, HALF, body, "gzip") == (200, {"predictions": [2.5]})
    for broken in (b"plain", body[:-9]):
        status, answer = post(rest, HALF, broken, "gzip")
        assert status == 400 and "gzip" in answer["error"]


def test_a_small_body_cannot_unpack_to_a_large_one(models: Models) -> None:
    rest = Rest(models, content=ReadLimits(unpacked_bytes=1000))
    status, answer = post(rest, HALF, gzip.compress(b" " * 1_000_000), "gzip")
    assert status == 413
    assert answer["error"] == "the unpacked body is larger than 1000 bytes"
