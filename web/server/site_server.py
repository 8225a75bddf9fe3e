"""Serves a static site: python -m web.server.site_server --directory SITE --port 8080.

The directory may be or contain a symbolic link that is replaced while the server runs: each request
follows it to its current target. Precompressed files (.br, .gz) beside the originals are used. With
--model-server, the page compares its answers with those of a model server.
"""

import argparse
import contextlib
import errno
import signal
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any

from core.errors import FanoutError, UserError
from web.server.proxy import MAX_AT_ONCE, ModelServer
from web.server.site_handler import SiteHandler

MAX_CONNECTIONS = 64


class SiteServer(ThreadingHTTPServer):
    """Serves a bounded number of connections, each with its own thread.

    Raises UserError when the directory is missing or the address is not available.
    """

    daemon_threads = True
    request_queue_size = MAX_CONNECTIONS

    def __init__(
        self, directory: Path, host: str, port: int, model_server: ModelServer | None = None
    ) -> None:
        if not directory.is_dir():
            raise UserError(f"{directory} is not a directory; it must hold the page's files")
        self.directory = directory
        self.model_server = model_server
        self.passed_on = threading.BoundedSemaphore(MAX_AT_ONCE)
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        try:
            super().__init__((host, port), SiteHandler)
        except (OSError, OverflowError) as error:
            raise UserError(_bind_problem(host, port, error)) from error

    def server_bind(self) -> None:
        # HTTPServer's own method looks up the host's name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        # Waits while all connections are in use; new ones then stay in the listen queue.
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that hang up; prints any other error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}/"


@contextlib.contextmanager
def serving(directory: Path, model_server: ModelServer | None = None) -> Iterator[str]:
    """Serves the directory on a free port of the loopback interface; yields its address."""
    server = SiteServer(directory, "127.0.0.1", 0, model_server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m web.server.site_server", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="the page's folder")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port; 0 takes a free one")
    parser.add_argument(
        "--model-server", help="model server to compare with: http://HOST:PORT/v1/models/NAME"
    )
    options = parser.parse_args(arguments)
    try:
        model_server = ModelServer.at(options.model_server) if options.model_server else None
        server = SiteServer(options.directory, options.host, options.port, model_server)
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for the loop that this thread runs, so another thread must call it.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"serving {options.directory} at {server.url}", flush=True)
    with server:
        server.serve_forever()
    return 0


def _bind_problem(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return (
            f"port {port} of {host} is in use; "
            "stop the program that uses it or choose another (--port)"
        )
    return f"cannot listen on {host}:{port}: {error}"


if __name__ == "__main__":
    sys.exit(main())
