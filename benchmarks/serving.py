"""Compares the model server with what users would pick instead: ``make bench-serving``.

The peers are KServe, BentoML and FastAPI, each in its own environment, with one worker and the same
SavedModel; and the server's own gRPC services behind grpcio instead of its own HTTP/2. All servers
run at the same time and are measured in turn, for several rounds; medians are printed. The figure
to trust is the server's CPU time per request: the rate depends on other work on the machine.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import serving_peers
from benchmarks.serving_peers import BENCH, GRPCIO, OURS, PEERS, Target, body
from core.errors import FanoutError
from core.toolchain import ROOT

REST, GRPC, BEHIND_GRPCIO = f"{OURS} REST", f"{OURS} gRPC", f"{GRPCIO} gRPC"
MANY_PICTURES = 16
# For users who count CPU seconds: a small model's operations are not distributed over threads.
ONE_THREAD = "--tensorflow_intra_op_parallelism=1"


@dataclass(frozen=True)
class Figures:
    """Medians of one target at one number of connections."""

    rate: float
    cpu_ms: float
    p50_ms: float
    p99_ms: float


def prepare() -> None:
    """Writes the models, once, and the bodies of the requests."""
    if not (BENCH / "models" / "slow" / "1" / "assets.extra").is_dir():
        subprocess.run(
            [sys.executable, "-m", "benchmarks.serving_models", BENCH / "models"],
            check=True, cwd=ROOT, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )  # fmt: skip
    from serving.server.dataplane.runtime import tensorflow

    tensorflow()
    from tensorflow_serving.apis import predict_pb2

    for pictures in (1, MANY_PICTURES):
        images = np.random.default_rng(0).integers(0, 256, (pictures, 28, 28, 1))
        body("http", pictures).write_text(json.dumps({"instances": images.tolist()}))
        message = predict_pb2.PredictRequest()
        message.model_spec.name = "small"
        message.inputs["image"].dtype = 1
        for size in images.shape:
            message.inputs["image"].tensor_shape.dim.add(size=size)
        message.inputs["image"].tensor_content = images.astype(np.float32).tobytes()
        body("grpc", pictures).write_bytes(message.SerializeToString())


def load(
    target: Target, connections: int, seconds: float, *, path: str = "", pictures: int = 1
) -> Any:
    """Starts a load and returns its process; with ``path`` it sends GETs, not predictions."""
    command = [sys.executable, "-m", "benchmarks.load", target.protocol, str(target.port)]
    command += [path] if path else [target.path, "--body", str(body(target.protocol, pictures))]
    command += ["--connections", str(connections), "--seconds", str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def result(process: Any, name: str) -> dict[str, Any]:
    """Returns the results of a load. Raises FanoutError if it or a request failed."""
    output, _ = process.communicate(timeout=120)
    if process.returncode:
        raise FanoutError(f"{name}: the load ended with exit code {process.returncode}")
    results: dict[str, Any] = json.loads(output)
    if results["failures"]:
        raise FanoutError(f"{name}: {results['failures']} requests failed: {results['failure']}")
    return results


def measure(
    targets: list[Target], connections: int, rounds: int, seconds: float, *, pictures: int = 1
) -> dict[str, Figures]:
    """Returns the figures of each target; the targets take turns."""
    by_target: dict[str, list[Figures]] = {target.name: [] for target in targets}
    for _ in range(rounds):
        for target in targets:
            result(load(target, connections, 0.5, pictures=pictures), target.name)  # warm-up
            before = serving_peers.cpu_seconds(target.pid)
            one = result(load(target, connections, seconds, pictures=pictures), target.name)
            cpu = serving_peers.cpu_seconds(target.pid) - before
            count = one["requests"]
            by_target[target.name].append(
                Figures(count / one["seconds"], 1000 * cpu / count, one["p50_ms"], one["p99_ms"])
            )
    return {name: _median(figures) for name, figures in by_target.items()}


def _median(figures: list[Figures]) -> Figures:
    return Figures(*(statistics.median(getattr(one, name) for one in figures)
                     for name in Figures.__dataclass_fields__))  # fmt: skip


def status_under_load(target: Target, seconds: float) -> float:
    """Returns the p99, in ms, of the model's status while 16 connections request predictions."""
    busy = load(target, 16, seconds + 1)
    status = result(load(target, 1, seconds, path=target.status), target.name)
    result(busy, target.name)
    return float(status["p99_ms"])


def table(title: str, figures: dict[str, Figures]) -> list[str]:
    """Returns lines of Markdown."""
    lines = [f"**{title}**", ""]
    lines += ["| server | requests/s | server CPU, ms per request | p50, ms | p99, ms |"]
    lines += ["|---|---|---|---|---|"]
    lines += [
        f"| {name} | {one.rate:,.0f} | {one.cpu_ms:.3f} | {one.p50_ms:.2f} | {one.p99_ms:.2f} |"
        for name, one in figures.items()
    ]
    return [*lines, ""]


def verdicts(rows: list[tuple[str, float, float, bool]]) -> tuple[list[str], bool]:
    """Returns a Markdown table of goals and measurements, and whether all goals were met."""
    lines = ["| goal | limit | measured | |", "|---|---|---|---|"]
    good = True
    for name, limit, value, at_least in rows:
        met = value >= limit if at_least else value <= limit
        good = good and met
        word = "at least" if at_least else "at most"
        lines.append(f"| {name} | {word} {limit:g} | {value:.2f} | {'met' if met else 'missed'} |")
    return [*lines, ""], good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.serving")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="duration of each load")
    options = parser.parse_args()
    BENCH.mkdir(parents=True, exist_ok=True)
    # SIGTERM must stop the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for peer in PEERS:
            serving_peers.install(peer)
        prepare()
        lines, good = run(options.rounds, options.seconds)
    except (FanoutError, subprocess.CalledProcessError) as error:
        print(f"bench-serving: {error}", file=sys.stderr)
        return 2
    text = "\n".join(lines)
    print(text)
    (BENCH / "serving.md").write_text(text + "\n")
    return 0 if good else 1


def run(rounds: int, seconds: float) -> tuple[list[str], bool]:
    """Returns the report and whether all goals were met."""
    with contextlib.ExitStack() as stack:
        targets: list[Target] = []
        for name in (OURS, GRPCIO, *PEERS):
            targets += stack.enter_context(serving_peers.running(name, "small"))
        frugal: list[Target] = []
        for name in (OURS, GRPCIO):
            frugal += stack.enter_context(serving_peers.running(name, "small", ONE_THREAD))
        slow_targets = [
            stack.enter_context(serving_peers.running(name, "slow"))[0] for name in (OURS, "kserve")
        ]
        for target in (*targets, *frugal, *slow_targets):
            serving_peers.wait(target)
        many = measure(targets, 16, rounds, seconds)
        single = measure(targets, 1, rounds, seconds)
        ours = [target for target in targets if target.name in (REST, GRPC)]
        one_thread = measure(frugal, 16, rounds, seconds)
        batches = measure(ours, 4, rounds, seconds, pictures=MANY_PICTURES)
        status = status_under_load(targets[0], seconds)
        slow = measure(slow_targets, 16, rounds, seconds)
        slow_status = status_under_load(slow_targets[0], seconds)
    kserve, bentoml = many["kserve"].rate, many["bentoml"].rate
    p50 = single[REST].p50_ms / single["kserve"].p50_ms
    by_default, frugally = (each[REST].cpu_ms / each[GRPC].cpu_ms for each in (many, one_thread))
    rows = [
        (
            "REST, 16 connections: requests/s relative to KServe",
            4.0,
            many[REST].rate / kserve,
            True,
        ),
        (
            "REST, 16 connections: requests/s relative to BentoML",
            6.0,
            many[REST].rate / bentoml,
            True,
        ),
        ("REST, 1 connection: p50 relative to KServe", 0.6, p50, False),
        ("gRPC requests per CPU second relative to REST, one thread", 1.5, frugally, True),
        (
            "gRPC requests per CPU second relative to grpcio's server, one thread",
            1.5,
            one_thread[BEHIND_GRPCIO].cpu_ms / one_thread[GRPC].cpu_ms,
            True,
        ),
        (
            "slow model: requests/s relative to KServe",
            1.0,
            slow[REST].rate / slow["kserve"].rate,
            True,
        ),
        ("status p99 under load, small model, ms", 50.0, status, False),
        ("status p99 under load, slow model, ms", 50.0, slow_status, False),
    ]
    verdict_table, good = verdicts(rows)
    today = datetime.datetime.now(datetime.UTC).date()
    share = statistics.mean(os.getloadavg())
    lines = [
        f"{today}, {platform.machine()}, {os.cpu_count()} cores, load average {share:.1f}, "
        f"medians of {rounds} rounds of {seconds:g} s.",
        "",
        *table("Small model, 16 connections", many),
        f"By default, gRPC answers {by_default:.2f} times as many requests per CPU second as REST.",
        "",
        *table(f"Small model, 16 connections, {ONE_THREAD}", one_thread),
        *table("Small model, 1 connection", single),
        *table(f"Small model, 4 connections, {MANY_PICTURES} pictures per request", batches),
        *table("Slow model, 16 connections", slow),
        *verdict_table,
    ]
    return lines, good


if __name__ == "__main__":
    sys.exit(main())
