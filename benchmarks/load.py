"""Puts load on one server for a bounded time: ``python -m benchmarks.load --help``; prints JSON."""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop

from benchmarks.load_clients import GrpcClient, HttpClient, LoadClient

HOST = "127.0.0.1"
MAX_SECONDS = 60.0
MAX_CONNECTIONS = 64


@dataclass(frozen=True)
class Load:
    """The results of a load.

    Attributes:
        requests: the number of requests that were answered.
        seconds: the duration of the load.
        p50_ms, p99_ms: the time from a request to its answer.
        failures: the number of answers that did not report success.
        failure: the problem of the first failed answer.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failures: int
    failure: str


class _Run:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._message = options.body.read_bytes() if options.body else b""
        self._seconds: list[float] = []
        self._problems: list[str] = []

    def _answered(self, seconds: float, problem: str) -> None:
        self._seconds.append(seconds)
        if problem:
            self._problems.append(problem)

    def _client(self) -> LoadClient:
        options = self._options
        authority = f"{HOST}:{options.port}"
        if options.protocol == "grpc":
            return GrpcClient(self._answered, authority, options.path, self._message)
        method = "POST" if options.body else "GET"
        head = (
            f"{method} {options.path} HTTP/1.1\r\nHost: {authority}\r\nAccept: */*\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self._message)}\r\n\r\n"
        )
        return HttpClient(self._answered, head.encode() + self._message)

    async def run(self) -> Load:
        loop = asyncio.get_running_loop()
        clients = []
        started = time.perf_counter()
        for _ in range(self._options.connections):
            _, client = await loop.create_connection(self._client, HOST, self._options.port)
            clients.append(client)
        ended = [client.ended for client in clients]
        done, _ = await asyncio.wait(
            ended, timeout=self._options.seconds, return_when=asyncio.FIRST_EXCEPTION
        )
        seconds = time.perf_counter() - started
        for future in done:
            future.result()  # raises the error that ended the connection
        durations = sorted(self._seconds)
        for client in clients:
            client.close()
        if not durations:
            raise ConnectionError("the server sent no answer")
        return Load(
            len(durations),
            seconds,
            1000 * durations[len(durations) // 2],
            1000 * durations[min(len(durations) - 1, len(durations) * 99 // 100)],
            len(self._problems),
            self._problems[0][:500] if self._problems else "",
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.load")
    parser.add_argument("protocol", choices=("http", "grpc"))
    parser.add_argument("port", type=int, help=f"port on {HOST}")
    parser.add_argument("path", help="path of the URL or of the gRPC method")
    parser.add_argument("--body", type=Path, help="file to POST, or gRPC message; default: GET")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    if not (0 < options.connections <= MAX_CONNECTIONS and 0 < options.seconds <= MAX_SECONDS):
        parser.error(
            f"--connections must be from 1 to {MAX_CONNECTIONS}, got {options.connections}; "
            f"--seconds must be above 0 and at most {MAX_SECONDS:g}, got {options.seconds:g}"
        )
    try:
        load = uvloop.run(_Run(options).run())
    except OSError as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(load)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
