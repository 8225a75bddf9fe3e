"""The client, against a real server."""

import json
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from serving.client import Client, RequestFailed
from serving.embedded import Address


@pytest.fixture(params=["rest", "grpc"])
def url(request: pytest.FixtureRequest, server: Address) -> str:
    return str(getattr(server, request.param))


def test_predict(url: str) -> None:
    with Client(url, "half") as client:
        answer = client.predict(np.array([[1.0], [2.0]]))
        assert answer.dtype == np.float32
        assert answer.tolist() == [[2.5], [3.0]]
        assert client.predict({"x": [[4]]}, output="y").tolist() == [[4.0]]
        assert np.isnan(client.predict([[np.nan]])).all()


def test_status_and_signatures(url: str) -> None:
    with Client(url, "half") as client:
        assert client.status() == {123: "AVAILABLE"}
        found = client.signatures()
        assert sorted(found) == ["classify_x_to_y", "regress_x_to_y", "serving_default"]
        assert found["serving_default"].inputs == {"x": np.dtype("float32")}


def test_version(url: str) -> None:
    with Client(url, "half", version=123) as client:
        assert client.predict([[0.0]]).tolist() == [[2.0]]
    with Client(url, "half", version=9) as client, pytest.raises(RequestFailed, match="half, 9"):
        client.predict([[0.0]])


def test_bytes(url: str) -> None:
    with Client(url, "half") as client:
        answer = client.predict(np.array([b""], object), signature="regress_x_to_y")
        assert answer.tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("inputs", "options", "message"),
    [
        ({"z": [1.0]}, {}, r"takes the inputs \['x'\], got \['z'\]"),
        ([[1.0]], {"signature": "no"}, "signature 'no' is not one of"),
        ([[1.0]], {"output": "no"}, r"output 'no' is not one of \['y'\]"),
    ],
)
def test_mistakes(url: str, inputs: object, options: dict[str, str], message: str) -> None:
    with Client(url, "half") as client, pytest.raises(UserError, match=message):
        client.predict(inputs, **options)


def test_contract_names_labels_and_output(url: str, tmp_path: Path) -> None:
    path = tmp_path / "contract.json"
    path.write_text(json.dumps({"labels": ["a", "b"], "outputs": [{"name": "y"}]}))
    with Client(url, "half", contract=path) as client:
        assert client.labels == ["a", "b"]
        assert client.predict([[0.0]]).tolist() == [[2.0]]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_nobody_answers(scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with Client(f"{scheme}://127.0.0.1:{port}", "m", retries=1, timeout=2) as client:
        with pytest.raises(RequestFailed) as caught:
            client.status()
        assert caught.value.transient


def test_address_without_scheme() -> None:
    with pytest.raises(UserError, match="not the address of a model server"):
        Client("127.0.0.1:8501", "m")


@pytest.mark.parametrize("address", ["localhost:http", "a b:1", "127.0.0.1:1/v1"])
def test_address_that_is_none(address: str) -> None:
    with pytest.raises(UserError, match="is not host:port"):
        Client(f"http://{address}", "m")


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"model_version_status":[1]}', b"\xff"]
)
def test_what_answers_is_no_model_server(body: bytes) -> None:
    def serve(listener: socket.socket) -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                head = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
                connection.sendall(head % len(body) + body)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "m") as client:
            with pytest.raises(RequestFailed, match="answered with"):
                client.status()
            with pytest.raises(RequestFailed, match="answered with"):
                client.signatures()
        thread.join()


def test_a_busy_server_is_asked_again() -> None:
    answers = [b"503 Busy", b"429 Busy", b"200 OK"]
    body = b'{"model_version_status":[{"version":"1","state":"AVAILABLE"}]}'

    def serve(listener: socket.socket) -> None:
        for status in answers:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
                    % (status, len(body), body)
                )

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "m") as client:
            assert client.status() == {1: "AVAILABLE"}
        thread.join()


CONTRACT = {
    "model": "half",
    "inputs": [{"name": "x", "shape": [1], "minimum": 0.0, "maximum": 10.0}],
    "outputs": [{"name": "y"}],
}


def test_contract_names_the_model_and_bounds_the_inputs(url: str, tmp_path: Path) -> None:
    path = tmp_path / "contract.json"
    path.write_text(json.dumps(CONTRACT))
    with Client(url, contract=path) as client:
        assert client.predict([[10.0]]).tolist() == [[7.0]]
        with pytest.raises(UserError, match=r"input x has shape \(1,\), expected \(n, 1\)"):
            client.predict([1.0])
        with pytest.raises(UserError, match=r"values from 1\.0 to 11\.0, expected 0\.0 to 10\.0"):
            client.predict([[1.0], [11.0]])
    path.write_text("no JSON")
    with pytest.raises(UserError, match=r"is not a contract\.json"):
        Client(url, contract=path)
    with pytest.raises(UserError, match="no model is named"):
        Client(url)
