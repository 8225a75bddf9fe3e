"""Calls by a real grpc-go client: many on one connection, and many whose deadlines pass.

    python -m tests.programs.grpc_go
    python -m tests.programs.grpc_go --calls 3000 --seconds 3

It starts a real server. Only calls that the server holds until their deadline has passed may fail,
and they must fail with DEADLINE_EXCEEDED. All calls of a run must use the same connection.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tensorflow_serving.apis import predict_pb2

from serving import embedded
from serving.embedded import Address
from tests.programs.campaigns import concluded
from tests.serving import fixture_models, held_model
from tests.serving.held_model import Gate
from tests.serving.interop import go_programs

PREDICT = "/tensorflow.serving.PredictionService/Predict"
AT_ONCE = (1, 10, 50)
LATE = "DEADLINE_EXCEEDED"
# These end what would go on for ever.
SECONDS = 120.0
RUN_SECONDS = 1200.0


@dataclass(frozen=True)
class Row:
    """The outcome of calls of one kind.

    Attributes:
        kind: of the calls, in words.
        calls, ok: how many were made, and how many of them succeeded.
        failed: how many failed, with the first message, by status.
        expected: the status that all calls should have.
    """

    kind: str
    calls: int
    ok: int
    failed: Mapping[str, tuple[int, str]]
    expected: str = "OK"

    @property
    def problems(self) -> list[str]:
        found = [
            f"{self.kind}: {status} for {count} of {self.calls} calls; first message: {first}"
            for status, (count, first) in self.failed.items()
            if status != self.expected
        ]
        if self.expected != "OK" and self.ok:
            found.append(f"{self.kind}: OK for {self.ok} of {self.calls} calls")
        return found if self.calls else [f"{self.kind}: there were none"]


@dataclass(frozen=True)
class Run:
    """What the client reported.

    Attributes:
        rows: the outcomes of its calls.
        connections: how many it opened.
        repeated: how many calls grpc-go sent a second time, because the server had refused them.
        seconds: how long it took.
    """

    rows: tuple[Row, ...]
    connections: int
    repeated: int
    seconds: float

    @property
    def problems(self) -> list[str]:
        found = [problem for row in self.rows for problem in row.problems]
        if self.connections != 1:
            found.append(f"{self.rows[0].kind}: {self.connections} connections")
        if self.repeated:
            found.append(f"{self.rows[0].kind}: {self.repeated} calls were sent a second time")
        return found


@dataclass(frozen=True)
class Report:
    """All runs."""

    runs: tuple[Run, ...]

    @property
    def problems(self) -> list[str]:
        return [problem for run in self.runs for problem in run.problems]

    def text(self) -> str:
        titles = ("", "calls", "OK", LATE, "other", "connections", "seconds", "calls/s")
        lines = [titles, *(_cells(run, row) for run in self.runs for row in run.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])])
            for line in lines
        )


def _cells(run: Run, row: Row) -> tuple[str, ...]:
    late = row.failed.get(LATE, (0, ""))[0]
    counts = (row.calls, row.ok, late, row.calls - row.ok - late, run.connections)
    rate = row.calls / run.seconds
    return row.kind, *(f"{one:,}" for one in counts), f"{run.seconds:.1f}", f"{rate:,.0f}"


class Target:
    """A server of a model that answers at once and of one that is held.

    Args:
        address: of the server.
        gate: of the model that is held.
        folder: an empty one, for prepared messages.
    """

    def __init__(self, address: Address, gate: Gate, folder: Path) -> None:
        self._address = f"{address.host}:{address.grpc_port}"
        self._gate = gate
        self._message, self._answer, self._held = (
            folder / name for name in ("message", "answer", "held")
        )
        self._message.write_bytes(_request("half", 1, 1))
        self._held.write_bytes(_request("held", 1))
        with grpc.insecure_channel(self._address) as channel:
            answer = channel.unary_unary(PREDICT)(self._message.read_bytes(), timeout=SECONDS)
        self._answer.write_bytes(answer)

    def many(self, client: Path, calls: int, at_once: int, *, method: str = PREDICT) -> Run:
        """Makes calls that are answered, a number of them at a time."""
        words = [f"-calls={calls}", f"-at-once={at_once}"]
        found = self._run(client, "calls", method, *words)
        return _ran(
            found, Row(f"{calls:,} calls, {at_once} at a time", **_counts(found["healthy"]))
        )

    def deadlines(self, client: Path, rate: int, milliseconds: int, seconds: int) -> Run:
        """Makes calls that are held until their deadline has passed, beside healthy ones."""
        self._gate.shut()
        try:
            found = self._run(
                client, "deadlines", PREDICT, f"-held-method={PREDICT}",
                f"-held-message={self._held}", f"-rate={rate}", f"-deadline-ms={milliseconds}",
                f"-seconds={seconds}",
            )  # fmt: skip
        finally:
            self._gate.open()
        kind = f"{rate} deadlines of {milliseconds} ms a second"
        return _ran(
            found,
            Row(kind, **_counts(found["deadlines"]), expected=LATE),
            Row("healthy calls beside them", **_counts(found["healthy"])),
        )

    def _run(self, client: Path, mode: str, method: str, *words: str) -> dict[str, Any]:
        sent = (f"-method={method}", f"-message={self._message}", f"-answer={self._answer}")
        command = [str(client), mode, f"-address={self._address}", *sent, *words]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=RUN_SECONDS
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def target(folder: Path) -> Iterator[Target]:
    """Yields a server, with its models in a folder that is empty before."""
    messages, files = folder / "messages", folder / "gate"
    messages.mkdir()
    files.mkdir()
    gate = Gate(files)
    fixture_models.write_half_plus(folder / "half" / "1")
    held_model.write(folder / "held" / "1", gate)
    models = "".join(
        f'config {{ name: "{name}" base_path: "{folder / name}" }}' for name in ("half", "held")
    )
    config = folder / "models.config"
    config.write_text(f"model_config_list {{ {models} }}")
    try:
        with embedded.running("half", None, f"--model_config_file={config}") as address:
            embedded.wait_until_ready(address, "held")
            yield Target(address, gate, messages)
    finally:
        gate.close()


def run(client: Path, calls: int, rate: int, milliseconds: int, seconds: int) -> Report:
    """Makes all runs against one server, and returns the report."""
    with (
        tempfile.TemporaryDirectory(prefix="fanout-grpc-go-") as folder,
        target(Path(folder)) as one,
    ):
        runs = [one.many(client, calls, at_once) for at_once in AT_ONCE]
        return Report((*runs, one.deadlines(client, rate, milliseconds, seconds)))


def _request(model: str, *shape: int) -> bytes:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = model
    tensor = message.inputs["x"]
    tensor.dtype = 1
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    tensor.float_val.append(1.0)
    return bytes(message.SerializeToString())


def _counts(found: dict[str, Any]) -> dict[str, Any]:
    failed = {status: (one["count"], one["first"]) for status, one in found["failed"].items()}
    return {"calls": found["calls"], "ok": found["ok"], "failed": failed}


def _ran(found: dict[str, Any], *rows: Row) -> Run:
    return Run(rows, found["connections"], found["repeated"], found["seconds"])


def main() -> int:
    """Returns 0 if there was no problem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=30_000, help="in each run with healthy calls")
    parser.add_argument("--rate", type=int, default=400, help="deadlines per second")
    parser.add_argument("--deadline-ms", type=int, default=100, help="of calls that are held")
    parser.add_argument("--seconds", type=int, default=60, help="for the run with deadlines")
    given = parser.parse_args()
    if reason := go_programs.missing():
        parser.exit(1, f"{reason}\n")
    with tempfile.TemporaryDirectory(prefix="fanout-grpc-go-") as folder:
        try:
            client = go_programs.build(go_programs.CLIENT, Path(folder) / "client")
        except go_programs.NotBuilt as error:
            parser.exit(1, f"{error}\n")
        return concluded(run(client, given.calls, given.rate, given.deadline_ms, given.seconds))


if __name__ == "__main__":
    sys.exit(main())
