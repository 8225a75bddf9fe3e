"""Small requests beside a crowd of clients that ask for much, send much, or do not read.

    python -m tests.programs.crowd --seconds 60

Thirty-two clients ask for answers of 10 MB, over REST and gRPC in equal parts, twenty send 50 MB of
JSON, fifty ask for 10 MB and read one byte a second. Beside them, probes measure small predictions,
the model's status and gRPC's health service.
"""

import argparse
import asyncio
import contextlib
import http.client
import json
import multiprocessing
import os
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving import embedded
from serving.embedded import Address
from serving.server.dataplane.runtime import tensorflow
from tests.programs.campaigns import concluded
from tests.serving.processes import memory, pid

MODEL = "wide"
# Numbers of a row. As JSON, a row takes about 10 MB.
COLUMNS = 1_000_000
MAX_SECONDS = 600.0
WARM_UP_SECONDS = 5.0
PAUSE_SECONDS = 0.02
LIMITS_MS = {"REST": 100.0, "gRPC": 100.0, "status": 50.0, "health": 50.0}


@dataclass(frozen=True)
class Crowd:
    """The number of clients of each kind."""

    takers: int = 32
    senders: int = 20
    sleepers: int = 50


@dataclass
class Report:
    """The observations of a run.

    Attributes:
        milliseconds: of the probes' requests, by kind.
        crowd: how the crowd's requests ended: the kind and HTTP's or gRPC's status.
        failures: the problems of probes, in words.
        same: whether the server's process stayed the same.
        peak: the most memory that the server occupied, in bytes.
    """

    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    crowd: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    same: bool = True
    peak: int = 0

    def p99(self, kind: str) -> float:
        """Returns the 99th percentile of a kind of probe, in milliseconds."""
        values = sorted(self.milliseconds[kind])
        return values[min(len(values) - 1, len(values) * 99 // 100)]

    @property
    def problems(self) -> list[str]:
        """Returns the problems; empty after a good run."""
        problems = self.failures[:5]
        problems += [
            f"p99 of {kind} is {self.p99(kind):.0f} ms, at most {limit:.0f} ms are allowed"
            for kind, limit in LIMITS_MS.items()
            if self.p99(kind) > limit
        ]
        if not self.same:
            problems.append("the server's process ended")
        return problems

    def text(self) -> str:
        lines = [f"{'probe':<8}{'requests':>10}{'p50 ms':>10}{'p99 ms':>10}{'most ms':>10}"]
        for kind, values in self.milliseconds.items():
            lines.append(
                f"{kind:<8}{len(values):>10}{statistics.median(values):>10.1f}"
                f"{self.p99(kind):>10.1f}{max(values):>10.1f}"
            )
        lines.append(f"crowd    {dict(sorted(self.crowd.items()))}")
        lines.append(f"memory   {self.peak >> 20} MB at most")
        return "\n".join(lines)


def write_model(path: Path) -> None:
    """Writes a model with small and large inputs and outputs."""
    tf = tensorflow()
    numbers = tf.constant(np.random.default_rng(0).random(COLUMNS, np.float32))

    class Wide(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def small(self, x: Any) -> dict[str, Any]:
            return {"y": x / 2 + 2}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def much(self, x: Any) -> dict[str, Any]:
            return {"y": x[:, None] + numbers}

        @tf.function(input_signature=[tf.TensorSpec([None, COLUMNS], tf.float32, "x")])
        def total(self, x: Any) -> dict[str, Any]:
            return {"y": tf.reduce_sum(x, axis=1)}

    wide = Wide()
    signatures = {"serving_default": wide.small, "much": wide.much, "total": wide.total}
    tf.saved_model.save(wide, str(path), signatures=signatures)


def post(document: str) -> bytes:
    """Returns a whole request."""
    head = (
        f"POST /v1/models/{MODEL}:predict HTTP/1.1\r\nHost: t\r\n"
        f"Content-Length: {len(document)}\r\nConnection: close\r\n\r\n"
    )
    return (head + document).encode()


def message(signature: str, x: np.ndarray) -> Any:
    """Returns a request for gRPC."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = MODEL, signature
    tensor = request.inputs["x"]
    tensor.dtype = 1
    for size in x.shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.tensor_content = x.astype(np.float32).tobytes()
    return request


MUCH = post(json.dumps({"signature_name": "much", "inputs": [0.0]}))


async def taker(address: Address, ended: Counter[str]) -> None:
    """Asks for 10 MB over REST, again and again."""
    while True:
        await one_request(address, MUCH, "take", ended)


async def sender(address: Address, body: bytes, ended: Counter[str]) -> None:
    """Sends 50 MB, again and again."""
    while True:
        await one_request(address, body, "send", ended)


async def one_request(address: Address, request: bytes, kind: str, ended: Counter[str]) -> None:
    """Sends a request and reads its answer to the end."""
    try:
        reader, writer = await asyncio.open_connection(
            address.host, address.rest_port, limit=1 << 20
        )
        try:
            writer.write(request)
            status = (await reader.readline()).split()[1:2]
            while await reader.read(1 << 20):
                pass
        finally:
            writer.transport.abort()
        ended[f"{kind} {status[0].decode() if status else 'no answer'}"] += 1
        if status != [b"200"]:
            await asyncio.sleep(0.5)
    except OSError as error:
        ended[f"{kind} {type(error).__name__}"] += 1
        await asyncio.sleep(0.5)


async def sleeper(address: Address, ended: Counter[str]) -> None:
    """Asks for 10 MB and reads one byte a second."""
    loop = asyncio.get_running_loop()
    while True:
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.setblocking(False)
            try:
                await loop.sock_connect(one, (address.host, address.rest_port))
                await loop.sock_sendall(one, MUCH)
                while await loop.sock_recv(one, 1):
                    await asyncio.sleep(1)
                ended["sleep closed"] += 1
            except OSError as error:
                ended[f"sleep {type(error).__name__}"] += 1
            await asyncio.sleep(0.5)


async def grpc_taker(address: Address, ended: Counter[str]) -> None:
    """Asks for 10 MB over gRPC, again and again."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]
    request = message("much", np.zeros(3))
    async with grpc.aio.insecure_channel(f"{address.host}:{address.grpc_port}", options) as channel:
        call = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=type(request).SerializeToString,
        )
        while True:
            try:
                await call(request, timeout=60)
                ended["gRPC take OK"] += 1
            except grpc.aio.AioRpcError as error:
                ended[f"gRPC take {error.code().name}"] += 1
                await asyncio.sleep(0.5)


def crowd(address: Address, sizes: Crowd, stop: Event, results: Any) -> None:
    """Is a process: the clients on other machines, who must not take this one's processor."""
    os.nice(10)
    ended: Counter[str] = Counter()
    row = [round(value, 6) for value in np.random.default_rng(1).random(COLUMNS).tolist()]
    body = post(json.dumps({"signature_name": "total", "inputs": [row] * 5}))

    async def main() -> None:
        over_rest = sizes.takers - sizes.takers // 2
        tasks = [
            *(asyncio.create_task(taker(address, ended)) for _ in range(over_rest)),
            *(asyncio.create_task(grpc_taker(address, ended)) for _ in range(sizes.takers // 2)),
            *(asyncio.create_task(sender(address, body, ended)) for _ in range(sizes.senders)),
            *(asyncio.create_task(sleeper(address, ended)) for _ in range(sizes.sleepers)),
        ]
        await asyncio.to_thread(stop.wait)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    results.put(ended)


def connected(address: Address, stack: contextlib.ExitStack) -> http.client.HTTPConnection:
    """Returns a connection, which the stack closes."""
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=60)
    return stack.enter_context(contextlib.closing(connection))


def rest_probe(address: Address, stack: contextlib.ExitStack) -> Callable[[], None]:
    connection = connected(address, stack)
    body = json.dumps({"instances": [1.0, 2.0]})

    def ask() -> None:
        connection.request("POST", f"/v1/models/{MODEL}:predict", body)
        answer = json.loads(connection.getresponse().read())
        assert answer == {"predictions": [2.5, 3.0]}, answer

    return ask


def status_probe(address: Address, stack: contextlib.ExitStack) -> Callable[[], None]:
    connection = connected(address, stack)

    def ask() -> None:
        connection.request("GET", f"/v1/models/{MODEL}")
        response = connection.getresponse()
        assert response.status == 200, response.status
        response.read()

    return ask


def grpc_probe(address: Address, stack: contextlib.ExitStack) -> Callable[[], None]:
    channel = stack.enter_context(grpc.insecure_channel(f"{address.host}:{address.grpc_port}"))
    predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
    request = message("", np.array([1.0, 2.0]))

    def ask() -> None:
        answer = predict(request, timeout=60)
        assert list(answer.outputs["y"].float_val) == [2.5, 3.0], answer

    return ask


def health_probe(address: Address, stack: contextlib.ExitStack) -> Callable[[], None]:
    channel = stack.enter_context(grpc.insecure_channel(f"{address.host}:{address.grpc_port}"))
    check = health_pb2_grpc.HealthStub(channel).Check

    def ask() -> None:
        assert check(health_pb2.HealthCheckRequest(), timeout=60).status == 1

    return ask


PROBES = {"REST": rest_probe, "gRPC": grpc_probe, "status": status_probe, "health": health_probe}


def probe(ask: Callable[[], None], values: list[float], failures: list[str], end: float) -> None:
    """Asks again and again until a time of time.monotonic()."""
    while time.monotonic() < end:
        started = time.perf_counter()
        try:
            ask()
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")
            return
        values.append(1000 * (time.perf_counter() - started))
        time.sleep(PAUSE_SECONDS)


def run(seconds: float, sizes: Crowd, *, warm_up: float = WARM_UP_SECONDS) -> Report:
    """Returns the report of a run against a new server.

    Args:
        seconds: how long the probes ask.
        sizes: of the crowd.
        warm_up: how long the crowd is there before, in seconds.
    """
    report = Report()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanout-crowd-")))
        write_model(folder / "1")
        address = stack.enter_context(embedded.running(MODEL, folder))
        first = pid(address)
        with in_crowd(address, sizes, report):
            time.sleep(warm_up)
            end = time.monotonic() + seconds
            threads = []
            for kind, make in PROBES.items():
                values = report.milliseconds.setdefault(kind, [])
                arguments = make(address, stack), values, report.failures, end
                threads.append(threading.Thread(target=probe, args=arguments))
                threads[-1].start()
            while any(thread.is_alive() for thread in threads):
                report.peak = max(report.peak, memory(address))
                time.sleep(0.2)
        report.same = pid(address) == first
    return report


@contextlib.contextmanager
def in_crowd(address: Address, sizes: Crowd, report: Report) -> Iterator[None]:
    """Runs the crowd's process beside the body."""
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    process = context.Process(target=crowd, args=(address, sizes, stop, results))
    process.start()
    try:
        yield
    finally:
        stop.set()
        report.crowd = results.get(timeout=60)
        process.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.programs.crowd")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--takers", type=int, default=32)
    parser.add_argument("--senders", type=int, default=20)
    parser.add_argument("--sleepers", type=int, default=50)
    options = parser.parse_args()
    if not 0 < options.seconds <= MAX_SECONDS:
        parser.error(f"--seconds must be above 0 and at most {MAX_SECONDS:g}")
    sizes = Crowd(options.takers, options.senders, options.sleepers)
    return concluded(run(options.seconds, sizes))


if __name__ == "__main__":
    sys.exit(main())
