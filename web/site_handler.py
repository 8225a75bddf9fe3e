"""Answers one request to a static site: which file, with which headers."""

import os
import re
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

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
    # WebAssembly.instantiateStreaming takes this type alone.
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
}
# In the order of preference.
ENCODINGS = {"br": ".br", "gzip": ".gz"}
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
    "Cross-Origin-Resource-Policy": "same-origin",
}
# The build puts a hash of the contents into these names, so that they never change.
HASHED = re.compile(r"(^|/)assets/[^/]+-[\w-]{8}\.\w+$")
FOREVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"


class SiteHandler(BaseHTTPRequestHandler):
    """Answers GET and HEAD from the server's ``directory``."""

    protocol_version = "HTTP/1.1"
    server_version = "fanout-site"
    sys_version = ""
    timeout = 15.0

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def end_headers(self) -> None:
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Logs nothing: a static page's requests tell an operator nothing."""

    def _answer(self, *, with_body: bool) -> None:
        file = resolve(self.server.directory, urlsplit(self.path).path)  # type: ignore[attr-defined]
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        encoding = self._encoding(file)
        stored = file.with_name(file.name + ENCODINGS[encoding]) if encoding else file
        try:
            stream = stored.open("rb")
        except OSError:
            # A promotion replaced the release between the look and the opening.
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with stream:
            self._send(stream, file, encoding, with_body=with_body)

    def _send(self, stream: BinaryIO, file: Path, encoding: str, *, with_body: bool) -> None:
        status = os.fstat(stream.fileno())
        # The inode differs between releases, so that equal times and sizes are no equal files.
        tag = f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"'
        unchanged = tag in self.headers.get("If-None-Match", "")
        self.send_response(HTTPStatus.NOT_MODIFIED if unchanged else HTTPStatus.OK)
        self.send_header("ETag", tag)
        self.send_header("Vary", "Accept-Encoding")
        hashed = HASHED.search(file.as_posix())
        self.send_header("Cache-Control", FOREVER if hashed else ASK_EACH_TIME)
        if not unchanged:
            mime = MIME_TYPES.get(file.suffix.lower(), "application/octet-stream")
            self.send_header("Content-Type", mime)
            self.send_header("Content-Length", str(status.st_size))
            self.send_header("Last-Modified", formatdate(status.st_mtime, usegmt=True))
            if encoding:
                self.send_header("Content-Encoding", encoding)
        self.end_headers()
        if with_body and not unchanged:
            copyfileobj(stream, self.wfile)

    def _encoding(self, file: Path) -> str:
        """Returns the best encoding that the client takes and the site has; else nothing."""
        accepted = {
            part.split(";")[0].strip()
            for part in self.headers.get("Accept-Encoding", "").split(",")
            if "q=0" not in part.replace(" ", "").replace("q=0.", "")
        }
        for encoding, suffix in ENCODINGS.items():
            if encoding in accepted and file.with_name(file.name + suffix).is_file():
                return encoding
        return ""


def resolve(directory: Path, path: str) -> Path | None:
    """Returns the regular file that a request's path names, or None.

    Nothing outside ``directory`` is ever returned, wherever links lead, and no hidden file.
    ``directory`` itself may be or contain a link, which is followed anew at each call.
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
