"""Connections that end, break off or idle after large requests: the server must keep none of it.

    python -m tests.programs.leaks

Posts without keep-alive, uploads that are broken off over REST and gRPC, and connections that stay
open after a large request. Then the server must occupy about as much memory as before.
"""

import argparse
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from serving import embedded
from serving.embedded import Address
from serving.server.grpc import messages
from serving.server.http2 import flow, frames, headers
from tests.programs.campaigns import concluded
from tests.serving import fixture_models
from tests.serving.processes import children, pid, resident

MODEL = "half"
MEGABYTE = 1 << 20
POST_BYTES, UPLOAD_BYTES = 5 * MEGABYTE, 60 * MEGABYTE
ALLOWED_GROWTH = 60 * MEGABYTE
AT_ONCE = 8
SECONDS = 120.0
# The converter ends after a minute without work.
SETTLE_SECONDS = 100.0
PATH = "/tensorflow.serving.PredictionService/Predict"


@dataclass(frozen=True)
class Sizes:
    """The number of requests of each kind."""

    posts: int = 4000
    uploads: int = 200
    idle: int = 100


@dataclass
class Report:
    """The observations of a run.

    Attributes:
        memory: what the server and its converter occupied after each part, in bytes.
        wrong: answers that were not expected, in words.
    """

    memory: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Returns the problems; empty after a good run."""
        begun = self.memory["at first"]
        return self.wrong[:5] + [
            f"memory {name} is {(size - begun) >> 20} MB above what it was at first, "
            f"at most {ALLOWED_GROWTH >> 20} MB are allowed"
            for name, size in self.memory.items()
            if size - begun > ALLOWED_GROWTH
        ]

    def text(self) -> str:
        return "\n".join(f"{name:<32}{size >> 20:>6} MB" for name, size in self.memory.items())


def occupied(process: int) -> int:
    """Returns the memory of a server and its converter, in bytes."""
    return sum(map(resident, (process, *children(process))))


def settled(process: int, most: int) -> int:
    """Returns the memory as soon as it is at most ``most``, or what it is after a while."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := occupied(process)) > most and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def rest_head(size: int, *extra: str) -> bytes:
    lines = [f"POST /v1/models/{MODEL}:predict HTTP/1.1", "Host: t", f"Content-Length: {size}"]
    return "\r\n".join([*lines, *extra, "", ""]).encode()


def rest_body(size: int) -> bytes:
    """Returns a sound request with white space in it."""
    parts = b'{"instances": [1.0, 2.0', b"]}"
    return parts[0] + b" " * (size - sum(map(len, parts))) + parts[1]


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def answer(one: socket.socket) -> bytes:
    """Returns the first part of an answer."""
    return one.recv(65536).partition(b"\r\n")[0]


def post(address: Address, body: bytes, report: Report) -> None:
    """Sends a request on a connection of its own."""
    with connected(address.rest_port) as one:
        one.sendall(rest_head(len(body), "Connection: close") + body)
        found = answer(one)
        if found != b"HTTP/1.1 200 OK":
            report.wrong.append(f"a post was answered with {found!r}")


def break_off_rest(address: Address, body: bytes) -> None:
    with connected(address.rest_port) as one:
        one.sendall(rest_head(len(body) + 1000) + body)


def break_off_grpc(address: Address, body: bytes) -> None:
    """Sends a message but for its end, as fast as the server's window allows."""
    fields = [
        (":method", "POST"), (":scheme", "http"), (":path", PATH), ("te", "trailers"),
        ("content-type", "application/grpc"),
    ]  # fmt: skip
    with connected(address.grpc_port) as one:
        one.sendall(
            frames.PREFACE
            + frames.settings({})
            + frames.headers(1, headers.encode(fields), end=False)
        )
        data = messages.prefix(len(body) + 1000) + body
        one.recv(65536)  # its settings: the windows below count from here on
        window, received, sent = flow.STREAM_WINDOW, b"", 0
        while sent < len(data):
            if window < frames.DEFAULT_FRAME_BYTES:
                received, widened = windows(received + one.recv(65536))
                window += widened
                continue
            part = data[sent : sent + frames.DEFAULT_FRAME_BYTES]
            one.sendall(frames.head(len(part), frames.Type.DATA, 0, 1) + part)
            sent, window = sent + len(part), window - len(part)


def windows(data: bytes) -> tuple[bytes, int]:
    """Returns the bytes after the last whole frame, and by how much the stream's window grew."""
    widened = 0
    while len(data) >= frames.HEAD_BYTES:
        upper, lower, kind, _, number = frames.HEAD.unpack_from(data)
        end = frames.HEAD_BYTES + (upper << 16 | lower)
        if len(data) < end:
            break
        if kind == frames.Type.WINDOW_UPDATE and number:
            widened += frames.word(data[frames.HEAD_BYTES : end])
        data = data[end:]
    return data, widened


def run(sizes: Sizes, address: Address) -> Report:
    """Returns the report of a run against a server."""
    report = Report()
    process = pid(address)
    body, upload = rest_body(POST_BYTES), b" " * UPLOAD_BYTES
    for _ in range(3):  # what every request needs is there
        post(address, body, report)
    report.memory["at first"] = occupied(process)
    most = report.memory["at first"] + ALLOWED_GROWTH

    def repeat(count: int, work: Callable[[int], None]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(work, range(count)))

    repeat(sizes.posts, lambda _: post(address, body, report))
    report.memory["after posts"] = settled(process, most)
    repeat(sizes.uploads // 2, lambda _: break_off_rest(address, upload))
    report.memory["after broken REST uploads"] = settled(process, most)
    repeat(sizes.uploads // 2, lambda _: break_off_grpc(address, upload))
    report.memory["after broken gRPC uploads"] = settled(process, most)
    with ExitStack() as stack:
        for _ in range(sizes.idle):
            one = stack.enter_context(connected(address.rest_port))
            one.sendall(rest_head(len(body)) + body)
            answer(one)
        report.memory["with idle connections"] = settled(process, most)
    return report


def run_alone(sizes: Sizes) -> Report:
    """Returns the report of a run against a new server."""
    with tempfile.TemporaryDirectory(prefix="fanout-leaks-") as folder:
        fixture_models.write_half_plus(Path(folder) / "1")
        with embedded.running(MODEL, Path(folder)) as address:
            return run(sizes, address)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.programs.leaks")
    parser.add_argument("--posts", type=int, default=Sizes.posts)
    parser.add_argument("--uploads", type=int, default=Sizes.uploads)
    parser.add_argument("--idle", type=int, default=Sizes.idle)
    options = parser.parse_args()
    return concluded(run_alone(Sizes(options.posts, options.uploads, options.idle)))


if __name__ == "__main__":
    sys.exit(main())
