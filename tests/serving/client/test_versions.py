"""What a server says of its versions: a real one, none at all, and what is not a model server."""

import contextlib
import functools
import http.server
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import embedded
from serving.client import versions
from serving.client.versions import AVAILABLE, END, NoStatus, State, Versions
from serving.embedded import Address
from tests.serving import fixture_models

READY_SECONDS = 30.0


@pytest.fixture(scope="module")
def labelled(half_plus_two: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Versions]:
    """Yields a model with the label ``stable`` for version 123; version 124 does not load."""
    base = tmp_path_factory.mktemp("labelled")
    fixture_models.write_half_plus(base / "123")
    (base / "124").mkdir()
    (base / "124" / "saved_model.pb").write_bytes(b"no graph")
    config = base / "models.config"
    config.write_text(
        f"""model_config_list {{ config {{
          name: "half" base_path: "{base}"
          model_version_policy {{ all {{}} }}
          version_labels {{ key: "stable" value: 123 }}
        }} }}"""
    )
    with embedded.running("half", None, f"--model_config_file={config}") as address:
        yield Versions(address.rest, "half")


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers everything with one status and one body."""

    def __init__(self, status: int, body: bytes, *arguments: object) -> None:
        self.answer = (status, body)
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Whoever has read enough hangs up.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def answering(status: int, body: bytes) -> Iterator[Versions]:
    """Yields what a plain HTTP server is asked for."""
    handler = functools.partial(Answers, status, body)
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Versions(f"http://127.0.0.1:{server.server_port}", "m")
        finally:
            server.shutdown()
            thread.join()


def test_available(server: Address) -> None:
    asked = Versions(server.rest, "half")
    assert asked.available() == [123]
    assert asked.states() == {123: State(AVAILABLE)}
    assert asked.url == f"{server.rest}/v1/models/half"


@pytest.mark.parametrize("model", ["no", "a/b", "ä"])
def test_an_unknown_model_has_no_version(server: Address, model: str) -> None:
    asked = Versions(server.rest, model)
    assert (asked.states(), asked.available()) == ({}, [])


def test_labels(labelled: Versions) -> None:
    assert labelled.labelled("stable") == 123
    assert labelled.labelled("canary") is None
    assert labelled.labelled("no/label") is None


def test_why_a_version_does_not_load(labelled: Versions) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while labelled.states().get(124, State("START")).name != END:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = labelled.states()
    assert found[123] == State(AVAILABLE)
    assert "does not load as a SavedModel" in found[124].error
    assert labelled.available() == [123]


def test_nobody_listens() -> None:
    (port,) = embedded.free_ports(1)
    with pytest.raises(NoStatus, match=r"a model's status; got no answer: .*refused") as caught:
        Versions(f"http://127.0.0.1:{port}", "m").available()
    assert not caught.value.answered
    assert f"http://127.0.0.1:{port}/v1/models/m must answer" in str(caught.value)


@pytest.mark.parametrize("address", ["http://localhost:http", f"http://{'a' * 70}.b:1", "no"])
def test_an_address_that_cannot_be_asked(address: str) -> None:
    with pytest.raises(NoStatus, match="got no answer") as caught:
        Versions(address, "m").states()
    assert not caught.value.answered


def test_one_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = Versions(f"http://127.0.0.1:{silent.getsockname()[1]}", "m")
        with pytest.raises(NoStatus, match="got no answer: timed out") as caught:
            asked.states()
    assert not caught.value.answered


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<!DOCTYPE html><title>Hello</title>"),
        (404, b"<!DOCTYPE html><title>Hello</title>"),
        (404, b'{"detail": "Not Found"}'),
        (404, b'["error"]'),
        (401, b'{"error": "an API key is needed"}'),
        (503, b'{"error": "too many connections"}'),
        (200, b""),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"error": "x"}'),
        (200, b'{"model_version_status": [1]}'),
        (200, b'{"model_version_status": [{"version": "1"}]}'),
        (200, b'{"model_version_status": [{"version": "x", "state": "END"}]}'),
        (200, b'{"model_version_status": [{"version": Infinity, "state": "END"}]}'),
        (200, b'{"model_version_status": [{"version": 1, "state": "END", "status": null}]}'),
        (200, b"\xff"),
        (200, b"[" * 100_000),
    ],
)
def test_what_answers_is_not_a_model_server(status: int, body: bytes) -> None:
    with answering(status, body) as asked, pytest.raises(NoStatus) as caught:
        asked.available()
    assert caught.value.answered
    text = body[:200].decode(errors="replace")
    assert str(caught.value) == (
        f"{asked.url} must answer with a model's status; got HTTP {status} with {text!r}"
    )


def test_what_answers_does_not_speak_http() -> None:
    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"220 mail.example ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        with pytest.raises(
            NoStatus, match="got an answer that is not HTTP: BadStatusLine"
        ) as caught:
            Versions(f"http://127.0.0.1:{listener.getsockname()[1]}", "m").states()
        thread.join()
    assert caught.value.answered


def test_a_long_answer_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    body = b'{"model_version_status": []}'
    monkeypatch.setattr(versions, "LONGEST_ANSWER", len(body))
    with answering(200, body) as asked:
        assert asked.states() == {}
    with (
        answering(200, body + b" ") as asked,
        pytest.raises(NoStatus, match=f"got more than {len(body)} bytes") as caught,
    ):
        asked.states()
    assert caught.value.answered


def test_asking_needs_neither_tensorflow_nor_grpc() -> None:
    code = (
        "import serving.client.versions, sys;"
        "sys.exit(bool({'tensorflow', 'grpc', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
