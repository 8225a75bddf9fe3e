"""Every case of the REST table, sent to a real server."""

import gzip
import http.client
import json
import urllib.parse
from typing import Any

import pytest

from serving.embedded import Address
from tests.serving.conformance.rest_cases import CASES, Case


def send(address: Address, case: Case, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=120)
    method, _, path = case.request.partition(" ")
    connection.request(method, path, body, dict(case.headers))
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def parsed(content: bytes) -> Any:
    # NaN and the infinities have no JSON form that compares: their words stand for them.
    return json.loads(content, parse_constant=str)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(conforming: Address, case: Case) -> None:
    body = case.body if isinstance(case.body, bytes) else case.body.encode()
    response, content = send(conforming, case, body)
    assert response.status == case.status, content
    assert response.headers["Content-Type"] == "application/json"
    if case.answer is None:
        assert content == b""
    elif isinstance(case.answer, str):
        answer = parsed(content)
        assert list(answer) == ["error"]
        assert answer["error"].startswith(case.answer)
        assert answer["error"]
    else:
        assert parsed(content) == case.answer


POSTED = [case for case in CASES if case.request.startswith("POST") and case.body]


@pytest.mark.parametrize("case", POSTED[::7], ids=lambda case: case.name)
def test_the_same_with_gzip(conforming: Address, case: Case) -> None:
    body = case.body if isinstance(case.body, bytes) else case.body.encode()
    plain, expected = send(conforming, case, body)
    packed = Case(case.name, case.request, "", 0, None, (("Content-Encoding", "gzip"),))
    response, content = send(conforming, packed, gzip.compress(body))
    assert (response.status, content) == (plain.status, expected)


def test_cors_headers_are_there_on_demand(conforming: Address) -> None:
    case = Case("", "GET /v1/models/half", "", 200, None)
    response, _ = send(conforming, case, b"")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Methods"] == "POST, GET"
    assert response.headers["Access-Control-Allow-Headers"] == "Content-Type"


def test_no_cors_headers_otherwise(server: Address) -> None:
    response, _ = send(server, Case("", "GET /v1/models/half", "", 200, None), b"")
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("path", ["/", "/index", "/statuspage", "/v2/models/half", "/v1"])
def test_outside_the_api(conforming: Address, path: str) -> None:
    response, content = send(conforming, Case("", f"GET {path}", "", 404, None), b"")
    assert response.status == 404
    assert response.headers["Content-Type"] == "text/html"
    assert b"404 Not Found" in content


def test_metadata(conforming: Address) -> None:
    for choice, version in (("", "124"), ("/versions/123", "123"), ("/labels/stable", "123")):
        case = Case("", f"GET /v1/models/half{choice}/metadata", "", 200, None)
        _, content = send(conforming, case, b"")
        answer = json.loads(content)
        assert answer["model_spec"]["version"] == version
        found = answer["metadata"]["signature_def"]["signature_def"]["regress_x_to_y"]
        assert found["method_name"] == "tensorflow/serving/regress"
        assert found["inputs"]["inputs"]["dtype"] == "DT_STRING"


def test_prometheus(conforming: Address) -> None:
    predict = Case("", "POST /v1/models/half:predict", "", 200, None)
    send(conforming, predict, b'{"instances": [1.0]}')
    case = Case("", "GET /monitoring/prometheus/metrics", "", 200, None)
    response, content = send(conforming, case, b"")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/plain")
    text = content.decode()
    assert "# TYPE :tensorflow:serving:request_count counter\n" in text
    assert ':tensorflow:serving:request_count{model_name="half",status="OK"}' in text
    assert (
        ':tensorflow:serving:request_latency_bucket{model_name="half",API="Predict",'
        'entrypoint="REST",le="10"}'
    ) in text
    assert 'le="+Inf"' in text


def test_names_that_clients_make_up_are_not_counted(conforming: Address) -> None:
    name = urllib.parse.quote("made up")
    case = Case("", f"POST /v1/models/{name}:predict", "", 404, None)
    send(conforming, case, b'{"instances": [1.0]}')
    metrics = Case("", "GET /monitoring/prometheus/metrics", "", 200, None)
    assert b"made up" not in send(conforming, metrics, b"")[1]


def test_the_table_is_large_enough() -> None:
    assert len(CASES) >= 120
    assert len({case.name for case in CASES}) == len(CASES)
