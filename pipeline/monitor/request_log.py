"""The server's request log: TensorFlow Serving's PredictionLog in TFRecord files, as features.

Only requests that can be compared with a release's training data count: answered Predict requests
to the model, by default only to the release's version of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import UserError
from models.contract import encoded_alias
from models.roles.table import heads
from models.spec import ModelSpec
from pipeline.monitor.features import describe, describe_answers
from pipeline.monitor.own_requests import OwnRequests
from pipeline.monitor.statistics import Table, append, table_of
from serving import request_log
from serving.server.records import request_files

CHUNK = 256
# This many of the newest examples are enough to estimate a distribution.
EXAMPLES = 100_000

OTHER_KIND, OTHER_MODEL, OTHER_VERSION = "other kinds", "other models", "other versions"
UNREADABLE, OWN = "not readable", "golden examples, which smoke tests ask for"


@dataclass(frozen=True)
class Traffic:
    """Logged requests and answers.

    Attributes:
        table: the monitored features, oldest example first.
        requests: the number of requests that were read.
        skipped: the number of skipped records, by reason.
        files: the files that were read, oldest first.
    """

    table: Table
    requests: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True)
class _Asked:
    """One request: its inputs by alias, and its answers if they were logged."""

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array] | None

    @property
    def shape(self) -> tuple[Any, ...]:
        """Returns the properties that requests must share to be described together."""
        return (*sorted(self.inputs), self.outputs is None)


def log_files(places: Sequence[Path]) -> list[Path]:
    """Returns the files of a log, oldest first.

    Args:
        places: folders, files, or file prefixes such as those of the server's
            ``--request_log_prefix`` or TensorFlow Serving's ``filename_prefix``.

    Raises:
        UserError: there is no log at a place.
    """
    logs: set[Path] = set()
    for place in places:
        inside = place.glob("*") if place.is_dir() else request_files.files(place)
        files = {path for path in inside if path.is_file()}
        if not files:
            raise UserError(
                f"no request log at {place}: name a folder, a file or a file prefix with "
                "TensorFlow Serving's PredictionLog; with REQUEST_LOG_RATE=0.1 `fanout serve` "
                "logs a tenth of the requests"
            )
        logs |= files
    # Here the name holds the time at which the file was begun; other programs' names may not.
    return sorted(logs, key=lambda file: (file.stat().st_mtime_ns, file.name))


def read_traffic(
    spec: ModelSpec,
    files: Sequence[Path],
    *,
    version: int | None,
    own: OwnRequests,
    limit: int = EXAMPLES,
) -> Traffic:
    """Returns the newest examples of a log.

    Args:
        own: recognises the examples that do not count.
        version: the model version that must have answered; None takes any.
        limit: the maximum number of examples; once it is reached, older files are not opened.
    """
    reader = _Reader(spec, version, own)
    tables: list[Table] = []
    taken: list[Path] = []
    count = requests = 0
    for file in reversed(files):
        if count >= limit:
            break
        table, asked = reader.read(file)
        tables.insert(0, table)
        taken.insert(0, file)
        count += len(table)
        requests += asked
    return Traffic(append(tables).tail(limit), requests, dict(+reader.skipped), tuple(taken))


class _Reader:
    def __init__(self, spec: ModelSpec, version: int | None, own: OwnRequests) -> None:
        self._spec = spec
        self._version = version
        self._own = own
        self._decode: dict[str, Any] = {}
        self.skipped: Counter[str] = Counter()

    def read(self, file: Path) -> tuple[Table, int]:
        """Returns the features of one file's examples, and the number of requests with them."""
        tables: list[Table] = []
        waiting: list[_Asked] = []
        count = 0
        # A truncated record, in a file that is still being written, ends the file.
        for logged in request_log.read(file):
            asked = self._asked(logged)
            if asked is None:
                continue
            if waiting and (asked.shape != waiting[0].shape or len(waiting) >= CHUNK):
                count += self._describe(waiting, tables)
                waiting = []
            waiting.append(asked)
        if waiting:
            count += self._describe(waiting, tables)
        return append(tables), count

    def _asked(self, logged: request_log.Logged) -> _Asked | None:
        reason = self._reason_to_skip(logged)
        if reason:
            self.skipped[reason] += 1
            return None
        return _Asked(logged.inputs, self._all_outputs(logged))

    def _all_outputs(self, logged: request_log.Logged) -> dict[str, Array] | None:
        """Returns the logged outputs; None unless all of the model's are there."""
        names = [output.name for output in self._spec.outputs]
        if any(name not in logged.outputs for name in names):
            return None
        return {name: logged.outputs[name] for name in names}

    def _reason_to_skip(self, logged: request_log.Logged) -> str:
        if logged.kind != "predict":
            return OTHER_KIND
        if logged.model != self._spec.name:
            return OTHER_MODEL
        other = self._version is not None and logged.version not in (0, self._version)
        return OTHER_VERSION if other else ""

    def _describe(self, waiting: list[_Asked], tables: list[Table]) -> int:
        """Adds the features of requests of the same shape; returns how many of them count."""
        try:
            table, count = self._table(waiting)
        except Exception:  # whatever a library raises for bytes that it can't read
            if len(waiting) == 1:
                self.skipped[UNREADABLE] += 1
                return 0
            return sum(self._describe([asked], tables) for asked in waiting)
        tables.append(table)
        self.skipped[OWN] += len(waiting) - count
        return count

    def _table(self, waiting: list[_Asked]) -> tuple[Table, int]:
        """Returns the features of other clients' examples, and the number of their requests."""
        sent = {
            alias: np.concatenate([asked.inputs[alias] for asked in waiting])
            for alias in waiting[0].inputs
        }
        inputs, encoded = self._raw(sent)
        (others,) = np.nonzero(~self._own.found_in(inputs))
        sizes = [len(next(iter(asked.inputs.values()))) for asked in waiting]
        count = len(np.unique(np.repeat(np.arange(len(waiting)), sizes)[others]))
        if not count:
            return append([]), 0
        features = describe(
            self._spec,
            {name: values[others] for name, values in inputs.items()},
            None if encoded is None else [encoded[row] for row in others],
        )
        answers = [asked.outputs for asked in waiting if asked.outputs is not None]
        if answers:
            given = {name: np.concatenate([one[name] for one in answers]) for name in answers[0]}
            features |= describe_answers(
                heads(self._spec.outputs), {name: values[others] for name, values in given.items()}
            )
        return table_of(features), count

    def _raw(self, sent: Mapping[str, Array]) -> tuple[dict[str, Array], list[bytes] | None]:
        """Returns ``serving_default``'s inputs from any signature's, and the picture files."""
        if set(sent) == {tensor.name for tensor in self._spec.inputs}:
            return dict(sent), None
        alias = encoded_alias(self._spec)
        if set(sent) == {alias}:
            files = sent[str(alias)].reshape(-1)
            return self._decoded("encoded", files), files.tolist()
        if set(sent) == {"examples"}:
            return self._decoded("examples", sent["examples"].reshape(-1)), None
        raise ValueError(f"no signature of {self._spec.name} takes {sorted(sent)}")

    def _decoded(self, kind: str, values: Array) -> dict[str, Array]:
        # Traced once for all batches: in eager mode each picture would cost a millisecond.
        if kind not in self._decode:
            self._decode[kind] = _decoder(self._spec, kind)
        return {name: tensor.numpy() for name, tensor in self._decode[kind](values).items()}


def _decoder(spec: ModelSpec, kind: str) -> Any:
    import tensorflow as tf

    features = spec.module("features")

    def decode(values: Any) -> Any:
        if kind == "encoded":
            return features.raw_inputs({spec.encoded_input: values})
        wanted = {k: v for k, v in features.FEATURES.items() if k not in spec.answers}
        return features.raw_inputs(tf.io.parse_example(values, wanted))

    return tf.function(decode, input_signature=[tf.TensorSpec([None], tf.string)])
