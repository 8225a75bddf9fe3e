"""Answers one request to a static site with a file and its headers.

If there is a model server, the page's predictions are passed on to it, and nothing else is.
"""

import gzip
import io
import json
import os
import re
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from web.server.proxy import MAX_BODY, PATH, ModelServer, NoAnswerError
from web.site import layout

MIME_TYPES = {
    ".bin": "application/octet-stream",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tflite": "application/octet-stream",
    ".txt": "text/plain; charset=utf-8",
    # WebAssembly.instantiateStreaming accepts only this type.
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
# The suffixes of compressed copies that may be beside a file, in order of preference.
COPIES = {"br": ".br", "gzip": ".gz"}
# A quality of zero in Accept-Encoding (RFC 9110, section 12.4.2).
REFUSED = re.compile(r";q=0(\.0*)?$")
MIN_COMPRESSED, MAX_COMPRESSED = 1024, 2**20
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Together with the line above, this isolates the page. That gives the page clocks with a
    # resolution of microseconds (and would allow threads, but no engine starts any).
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The build puts a hash of the contents into these names, so these files never change.
HASHED = re.compile(r"(^|/)assets/[^/]+-[\w-]{8}\.\w+$")
FOREVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"


VERSION = re.compile(r"[0-9]{0,18}")


class SiteHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD from the server's ``directory``, POST from its ``model_server``."""

    protocol_version = "HTTP/1.1"
    server_version = "fanout-site"
    sys_version = ""
    timeout = 15.0

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_POST(self) -> None:
        model_server: ModelServer | None = self.server.model_server  # type: ignore[attr-defined]
        path = urlsplit(self.path).path.removeprefix("/")
        version = path.removeprefix(PATH)
        # After an error the body may be unread, and then no other request can follow it.
        self.close_connection = True
        if model_server is None or not path.startswith(PATH) or not VERSION.fullmatch(version):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        # Another site's page must ask in a preflight request first, which is never allowed.
        if self.headers.get_content_type() != "application/json":
            self.send_error(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            return
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,18}", length):
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif int(length) > MAX_BODY:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            with self.server.passed_on:  # type: ignore[attr-defined]
                self._ask(model_server, int(version) if version else None, int(length))

    def _ask(self, model_server: ModelServer, version: int | None, length: int) -> None:
        body = self.rfile.read(length)
        try:
            status, answer = model_server.predict(version, body)
        except NoAnswerError as error:
            status, answer = HTTPStatus.BAD_GATEWAY, json.dumps({"error": str(error)}).encode()
        self._send_json(status, answer)

    def _send_json(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def end_headers(self) -> None:
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Logs nothing: an operator learns nothing from the requests of a static page."""

    def _answer(self, *, with_body: bool) -> None:
        path = urlsplit(self.path).path
        if path == f"/{layout.SERVER}" and self.server.model_server:  # type: ignore[attr-defined]
            # Tells the page that there is a model server; a static host's file says there is none.
            self._send_json(HTTPStatus.OK, json.dumps({"predict": PATH}).encode())
            return
        file = resolve(self.server.directory, path)  # type: ignore[attr-defined]
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        accepted = self._accepted_encodings()
        encoding = next((name for name in COPIES if name in accepted and _has_copy(file, name)), "")
        try:
            with (file.with_name(file.name + COPIES[encoding]) if encoding else file).open(
                "rb"
            ) as stream:
                self._send(stream, file, encoding, with_body=with_body)
        except FileNotFoundError:
            # A promotion replaced the release after the path was resolved.
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send(self, stream: BinaryIO, file: Path, encoding: str, *, with_body: bool) -> None:
        status = os.fstat(stream.fileno())
        body: BinaryIO = stream
        length = status.st_size
        if not encoding and self._compresses(file, length):
            data = gzip.compress(stream.read(), 6, mtime=0)
            body, length, encoding = io.BytesIO(data), len(data), "gzip"
        # The inode differs between releases: files with equal times and sizes may differ.
        tag = f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}{encoding}"'
        unchanged = tag in self.headers.get("If-None-Match", "")
        self.send_response(HTTPStatus.NOT_MODIFIED if unchanged else HTTPStatus.OK)
        self.send_header("ETag", tag)
        self.send_header("Vary", "Accept-Encoding")
        hashed = HASHED.search(file.as_posix())
        self.send_header("Cache-Control", FOREVER if hashed else ASK_EACH_TIME)
        if not unchanged:
            mime = MIME_TYPES.get(file.suffix.lower(), "application/octet-stream")
            self.send_header("Content-Type", mime)
            self.send_header("Content-Length", str(length))
            self.send_header("Last-Modified", formatdate(status.st_mtime, usegmt=True))
            if encoding:
                self.send_header("Content-Encoding", encoding)
        self.end_headers()
        if with_body and not unchanged:
            copyfileobj(body, self.wfile)

    def _compresses(self, file: Path, size: int) -> bool:
        """Returns whether to compress the file now: a release wrote it after the build."""
        small = MIN_COMPRESSED <= size <= MAX_COMPRESSED
        return file.suffix == ".json" and small and "gzip" in self._accepted_encodings()

    def _accepted_encodings(self) -> set[str]:
        parts = self.headers.get("Accept-Encoding", "").replace(" ", "").lower().split(",")
        return {part.split(";")[0] for part in parts if not REFUSED.search(part)}


def _has_copy(file: Path, encoding: str) -> bool:
    """Returns whether a compressed copy of the file is there and not outdated."""
    copy = file.with_name(file.name + COPIES[encoding])
    try:
        return copy.stat().st_mtime_ns >= file.stat().st_mtime_ns
    except OSError:
        return False


def resolve(directory: Path, path: str) -> Path | None:
    """Returns the regular file that a request's path names, or None.

    It is never a hidden file, and never outside ``directory``, wherever links lead. ``directory``
    itself may be or contain a link, which is followed again at each call.
    """
    try:
        parts = unquote(path, errors="strict").split("/")
    except UnicodeDecodeError:
        return None
    if parts[0] != "" or any(
        part.startswith(".") or "\\" in part or "\0" in part for part in parts
    ):
        return None
    if parts[-1] == "":
        parts[-1] = "index.html"
    try:
        root = directory.resolve(strict=True)
        file = root.joinpath(*parts[1:]).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    return file if file.is_relative_to(root) and file.is_file() else None
