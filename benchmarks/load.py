"""Load on one server for a bounded time: ``python -m benchmarks.load --help``; prints JSON."""

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
    """What came of a load.

    Attributes:
        requests: answered.
        seconds: they took together.
        p50_ms, p99_ms: of an answer.
        failures: answers that were none of success.
        failure: the first of them.
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
        for one in done:
            one.result()  # raises what ended it
        taken = sorted(self._seconds)
        for client in clients:
            client.close()
        if not taken:
            raise ConnectionError("no answer came")
        return Load(
            len(taken),
            seconds,
            1000 * taken[len(taken) // 2],
            1000 * taken[min(len(taken) - 1, len(taken) * 99 // 100)],
            len(self._problems),
            self._problems[0][:500] if self._problems else "",
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.load")
    parser.add_argument("protocol", choices=("http", "grpc"))
    parser.add_argument("port", type=int, help=f"on {HOST}")
    parser.add_argument("path", help="of the URL or of the gRPC method")
    parser.add_argument("--body", type=Path, help="file to POST, or the gRPC message; none: GET")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    if not (0 < options.connections <= MAX_CONNECTIONS and 0 < options.seconds <= MAX_SECONDS):
        parser.error(f"at most {MAX_CONNECTIONS} connections and {MAX_SECONDS:g} seconds")
    try:
        load = uvloop.run(_Run(options).run())
    except OSError as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(load)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
