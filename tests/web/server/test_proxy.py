"""The page beside a model server: what the site's server passes on, and what the page shows."""

import http.client
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.agreement.target import Artifacts
from core.errors import UserError
from serving import embedded
from tests.web.app.test_app import node
from tests.web.conftest import SPEC
from web.server.proxy import MAX_BODY, ModelServer
from web.server.site_server import main, serving


@pytest.fixture(scope="module")
def model_server(saved_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real model server with version 1 of the tiny model; yields the model's address."""
    base = tmp_path_factory.mktemp("served")
    shutil.copytree(saved_model, base / "1")
    with embedded.running(SPEC.name, base) as address:
        yield f"{address.rest}/v1/models/{SPEC.name}"


@pytest.fixture
def address(site: Artifacts, model_server: str) -> Iterator[str]:
    with serving(site.folder, ModelServer.at(model_server)) as url:
        yield urlsplit(url).netloc


def post(
    address: str, path: str, body: bytes, content_type: str = "application/json"
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=120)
    try:
        connection.request("POST", path, body, {"Content-Type": content_type})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def get_json(address: str, path: str) -> object:
    connection = http.client.HTTPConnection(address, timeout=120)
    try:
        connection.request("GET", path)
        return json.load(connection.getresponse())
    finally:
        connection.close()


BODY = json.dumps({"instances": [{"image": [[[40.0]] * 6] * 6}]}).encode()


def test_predictions_are_passed_on_by_version(address: str) -> None:
    assert get_json(address, "/server.json") == {"predict": "server/predict/"}
    for path in ("/server/predict/", "/server/predict/1"):
        status, answer = post(address, path, BODY)
        assert status == 200
        [probabilities] = json.loads(answer)["predictions"]
        assert probabilities[0] == max(probabilities)
    status, answer = post(address, "/server/predict/7", BODY)
    assert status == 404 and "error" in json.loads(answer)


@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        ("/server/predict/1:classify", "application/json", 404),
        ("/server/predict/../../metadata", "application/json", 404),
        ("/v1/models/tiny:predict", "application/json", 404),
        ("/index.html", "application/json", 404),
        # What a page of another origin may send without being allowed to.
        ("/server/predict/1", "text/plain", 415),
        ("/server/predict/1", "multipart/form-data", 415),
    ],
)
def test_nothing_else_is_passed_on(address: str, path: str, content_type: str, status: int) -> None:
    assert post(address, path, BODY, content_type)[0] == status


def test_a_body_that_is_too_large_is_not_read(address: str) -> None:
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        head = f"POST /server/predict/ HTTP/1.1\r\nHost: {address}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n"
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(100)


def test_a_model_server_that_is_down_is_said(site: Artifacts) -> None:
    gone = ModelServer("127.0.0.1", embedded.free_ports(1)[0], "/v1/models/tiny")
    with serving(site.folder, gone) as url:
        status, answer = post(urlsplit(url).netloc, "/server/predict/", BODY)
    assert status == 502 and "does not answer" in json.loads(answer)["error"]


def test_without_a_model_server_nothing_is_passed_on(site: Artifacts) -> None:
    with serving(site.folder) as url:
        address = urlsplit(url).netloc
        assert get_json(address, "/server.json") == {"predict": None}
        assert post(address, "/server/predict/", BODY)[0] == 404


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "file:///v1/models/x", "http:///v1/models/x", "http://a:x/v1"]
)
def test_an_address_that_is_none_is_refused(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError):
        ModelServer.at(url)
    assert main(["--directory", str(tmp_path), "--port", "0", "--model-server", url]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_page_shows_both_answers(address: str) -> None:
    node("--test", "browser/server.test.ts", SITE=f"http://{address}/")
