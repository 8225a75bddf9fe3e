import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.toolchain import ROOT
from web.server.site_server import main, serving


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site behind a link, and a secret beside it."""
    site = tmp_path / "releases" / "1"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<p>one</p>")
    (site / "contract.json").write_text("{}")
    (site / "assets" / "page-Ab1_-xyz.js").write_text("export {}" * 100)
    (site / "assets" / "page-Ab1_-xyz.js.br").write_bytes(b"brotli")
    (site / "assets" / "page-Ab1_-xyz.js.gz").write_bytes(b"gzip")
    (site / "model.wasm").write_bytes(b"\0asm")
    (site / ".hidden").write_text("secret")
    (tmp_path / "secret.txt").write_text("secret")
    (site / "escape").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "releases" / "current").symlink_to("1")
    return tmp_path / "releases" / "current"


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with serving(folder) as url:
        yield urlsplit(url).netloc


def request(
    address: str, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(address, timeout=120)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read(), dict(response.headers)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "mime"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html?backend=cpu", "text/html; charset=utf-8"),
        ("/contract.json", "application/json"),
        ("/assets/page-Ab1_-xyz.js", "text/javascript; charset=utf-8"),
        ("/model.wasm", "application/wasm"),
    ],
)
def test_mime_types_and_security_headers(address: str, path: str, mime: str) -> None:
    status, _, headers = request(address, path)
    assert (status, headers["Content-Type"]) == (200, mime)
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-" not in policy.replace("'wasm-unsafe-eval'", "")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"


@pytest.mark.parametrize(
    "path",
    [
        "/../../secret.txt",
        "/..%2f..%2fsecret.txt",
        "/%2e%2e/%2e%2e/secret.txt",
        "/assets/..%5c..%5csecret.txt",
        "//etc/passwd",
        "/escape",
        "/.hidden",
        "/assets",
        "/assets/",
        "/nothing.js",
        "/index.html%00.js",
        "/%ff",
        "/" + "a" * 5000,
    ],
)
def test_nothing_outside_the_site_is_served(address: str, path: str) -> None:
    status, body, headers = request(address, path)
    assert status == 404
    assert b"secret" not in body.replace(b"secret.txt", b"")
    assert "Content-Security-Policy" in headers


def test_only_hashed_names_are_cached_for_long(address: str) -> None:
    assert "immutable" in request(address, "/assets/page-Ab1_-xyz.js")[2]["Cache-Control"]
    assert request(address, "/contract.json")[2]["Cache-Control"] == "no-cache"
    assert request(address, "/")[2]["Cache-Control"] == "no-cache"


def test_an_unchanged_file_is_not_sent_again(address: str) -> None:
    tag = request(address, "/contract.json")[2]["ETag"]
    status, body, _ = request(address, "/contract.json", headers={"If-None-Match": tag})
    assert (status, body) == (304, b"")


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br", "br", b"brotli"),
        ("gzip", "gzip", b"gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", b"gzip"),
        ("", None, b"export {}" * 100),
    ],
)
def test_compressed_files_are_used(
    address: str, accepted: str, encoding: str | None, body: bytes
) -> None:
    headers = {"Accept-Encoding": accepted}
    status, got, answer = request(address, "/assets/page-Ab1_-xyz.js", headers=headers)
    assert (status, got, answer.get("Content-Encoding")) == (200, body, encoding)
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Vary"] == "Accept-Encoding"


def test_an_outdated_copy_is_not_used(address: str, folder: Path) -> None:
    script = folder / "assets" / "page-Ab1_-xyz.js"
    later = script.stat().st_mtime_ns + 10**9
    os.utime(script, ns=(later, later))
    _, body, headers = request(address, f"/assets/{script.name}", headers={"Accept-Encoding": "br"})
    assert body == b"export {}" * 100 and "Content-Encoding" not in headers


def test_json_without_a_copy_is_compressed_on_the_way(address: str, folder: Path) -> None:
    text = json.dumps(list(range(2000)))
    (folder / "golden.json").write_text(text)
    headers = {"Accept-Encoding": "gzip, br"}
    _, body, answer = request(address, "/golden.json", headers=headers)
    assert answer["Content-Encoding"] == "gzip" and int(answer["Content-Length"]) == len(body)
    assert gzip.decompress(body).decode() == text
    assert request(address, "/golden.json")[2]["ETag"] != answer["ETag"]


def test_a_replaced_link_is_followed_at_once(address: str, folder: Path) -> None:
    second = folder.parent / "2"
    second.mkdir()
    (second / "index.html").write_text("<p>two</p>")
    assert request(address, "/")[1] == b"<p>one</p>"
    folder.with_name("next").symlink_to("2")
    folder.with_name("next").replace(folder)
    assert request(address, "/")[1] == b"<p>two</p>"


def test_head_sends_no_body_and_post_is_refused(address: str) -> None:
    status, body, headers = request(address, "/", "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", "10")
    assert request(address, "/", "POST")[0] == 404


def test_a_port_in_use_is_one_clear_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--directory", str(folder), "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"port {port} of 127.0.0.1 is in use" in said


@pytest.mark.parametrize("port", ["70000", "-1"])
def test_an_impossible_port_is_one_clear_line(
    folder: Path, port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--directory", str(folder), "--port", port]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_a_missing_directory_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--directory", str(tmp_path / "x"), "--port", "0"]) == 2
    assert "is not a directory" in capsys.readouterr().err


def test_sigterm_stops_it(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "web.server.site_server",
        "--directory",
        str(folder),
        "--port",
        "0",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().rsplit(maxsplit=1)[-1]
        assert request(urlsplit(url).netloc, "/")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
