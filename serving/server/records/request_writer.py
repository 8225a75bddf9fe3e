"""Request logging: sampled requests with their answers, as PredictionLogs in bounded TFRecords.

The event loop hands over references; a thread builds and writes the messages. Records that the
thread can't keep up with, or that the disk refuses, are dropped and counted. serving.request_log
reads the files.
"""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from serving.server.dataplane import classify_regress, protos
from serving.server.dataplane.model_config import Sampling
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import Code, from_exception
from serving.server.dataplane.tensors import Array, Signature, Tensors
from serving.server.records.background import Background
from serving.server.records.request_files import SUFFIX, files

LOG = logging.getLogger("fanout-model-server")
# The number of records to drop after a failed write, before the next attempt.
PAUSE_RECORDS = 100


@dataclass
class _Files:
    """The files of one prefix: starts a new one when the last is full, and removes the oldest."""

    prefix: Path
    max_bytes: int
    max_files: int
    _writer: Any = None
    _bytes: int = 0

    def write(self, record: bytes) -> None:
        """Appends a record. Raises OSError or TensorFlow's error; the next call starts afresh."""
        framed = len(record) + 16  # its length and two checksums
        if self._writer is None or self._bytes + framed > self.max_bytes:
            self.close()
            self._open()
        try:
            self._writer.write(record)
        except BaseException:
            self.close()
            raise
        self._bytes += framed

    def flush(self) -> None:
        """Flushes the written records to the file. Raises the same errors as write()."""
        if self._writer is None:
            return
        try:
            self._writer.flush()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the file."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        try:
            writer.close()
        except Exception as error:
            LOG.warning("%s: %s", self.prefix, error)

    def _open(self) -> None:
        self.prefix.parent.mkdir(parents=True, exist_ok=True)
        for old in files(self.prefix)[: 1 - self.max_files or None]:
            old.unlink(missing_ok=True)
        begun = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self.prefix.with_name(f"{self.prefix.name}-{begun}{SUFFIX}")
        self._writer = tensorflow().io.TFRecordWriter(str(path))
        self._bytes = 0


@dataclass
class RequestLog:
    """Logs requests and their answers, which the event loop hands over.

    Attributes:
        sampling: returns where a model's requests are logged; None if they are not logged.
        tags: the tags of the served MetaGraph in the SavedModel.
        counted: called with a model's name and a Code's name for each record, in any thread.
        max_bytes, max_files: the size limit of a file, and the number of files for a prefix.
    """

    sampling: Callable[[str], Sampling | None]
    tags: tuple[str, ...]
    counted: Callable[[str, str], None]
    max_bytes: int = 64 << 20
    max_files: int = 8
    _background: Background | None = None
    _files: dict[Path, _Files] = field(default_factory=dict)
    _skip: int = 0

    def predict(
        self, servable: Servable, signature: Signature, inputs: Tensors, outputs: Tensors
    ) -> None:
        """Queues a predict request with its answer, if it is sampled."""
        sampling = self._chosen(servable.name)
        if sampling is None:
            return

        def fill(log: Any) -> None:
            request, response = log.predict_log.request, log.predict_log.response
            describe(request.model_spec, servable, signature)
            describe(response.model_spec, servable, signature)
            for arrays, tensors in ((inputs, request.inputs), (outputs, response.outputs)):
                for alias, array in arrays.items():
                    protos.to_compact_proto(array, tensors[alias])

        size = sum(_bytes(array) for part in (inputs, outputs) for array in part.values())
        self._take(sampling, servable, signature, size, fill)

    def examples(
        self, kind: str, servable: Servable, signature: Signature, inputs: Tensors, outputs: Tensors
    ) -> None:
        """Queues a classify or regress request with its answer, if it is sampled.

        A context is logged as part of each example, as the model received it.

        Args:
            kind: ``classify`` or ``regress``.
        """
        sampling = self._chosen(servable.name)
        if sampling is None:
            return
        (serialized,) = inputs.values()

        def fill(log: Any) -> None:
            entry = getattr(log, f"{kind}_log")
            for spec in (entry.request.model_spec, entry.response.model_spec):
                describe(spec, servable, signature)
            _add_examples(entry.request, serialized)
            if kind == "classify":
                rows = classify_regress.classes(signature, outputs, len(serialized))
                protos.fill_classes(rows, entry.response.result)
            else:
                values = classify_regress.values(outputs, len(serialized))
                protos.fill_values(values, entry.response.result)

        size = sum(_bytes(array) for part in (inputs, outputs) for array in part.values())
        self._take(sampling, servable, signature, size, fill)

    def inference(
        self, servable: Servable, signature: Signature, tasks: Any, inputs: Tensors, response: bytes
    ) -> None:
        """Queues a MultiInference request with its answer, if it is sampled.

        Args:
            servable, signature: of the last task.
            tasks: of the request.
            inputs: its tf.Examples.
            response: the message that was sent.
        """
        sampling = self._chosen(servable.name)
        if sampling is None:
            return
        (serialized,) = inputs.values()

        def fill(log: Any) -> None:
            entry = log.multi_inference_log
            entry.request.tasks.extend(tasks)
            _add_examples(entry.request, serialized)
            entry.response.ParseFromString(response)

        self._take(sampling, servable, signature, _bytes(serialized) + len(response), fill)

    def close(self) -> None:
        """Writes the queued records, and closes the files."""
        if self._background:
            self._background.stop()
            for one in list(self._files.values()):
                one.close()

    def _chosen(self, model: str) -> Sampling | None:
        sampling = self.sampling(model)
        if sampling is None or random.random() >= sampling.rate:
            return None
        return sampling

    def _take(
        self,
        sampling: Sampling,
        servable: Servable,
        signature: Signature,
        size: int,
        fill: Callable[[Any], None],
    ) -> None:
        if self._background is None:
            self._background = Background("request log", max_entries=1024, idle=self._flush)
        model = servable.name

        def work() -> None:
            from tensorflow_serving.apis import prediction_log_pb2

            if self._skip:
                self._skip -= 1
                self.counted(model, Code.UNAVAILABLE.name)
                return
            log = prediction_log_pb2.PredictionLog()
            describe(log.log_metadata.model_spec, servable, signature)
            log.log_metadata.sampling_config.sampling_rate = sampling.rate
            log.log_metadata.saved_model_tags.extend(self.tags)
            fill(log)
            try:
                self._of(sampling.prefix).write(log.SerializeToString())
            except Exception as error:
                self._skip = PAUSE_RECORDS
                LOG.error("request log %s: %s", sampling.prefix, error)
                self.counted(model, from_exception(error).code.name)
            else:
                self.counted(model, Code.OK.name)

        if not self._background.offer(size, work):
            self.counted(model, Code.RESOURCE_EXHAUSTED.name)

    def _of(self, prefix: Path) -> _Files:
        writer = self._files.get(prefix)
        if writer is None:
            writer = self._files[prefix] = _Files(prefix, self.max_bytes, self.max_files)
        return writer

    def _flush(self) -> None:
        for one in list(self._files.values()):
            try:
                one.flush()
            except Exception as error:
                self._skip = PAUSE_RECORDS
                LOG.error("request log %s: %s", one.prefix, error)


def describe(spec: Any, servable: Servable, signature: Signature) -> None:
    """Fills a ModelSpec with the version and signature that answered."""
    spec.name = servable.name
    spec.version.value = servable.version
    spec.signature_name = signature.name


def _add_examples(request: Any, serialized: Array) -> None:
    for one in serialized:
        request.input.example_list.examples.add().ParseFromString(one)


def default_sampling(prefix: Path, model: str, rate: float) -> Sampling:
    """Returns the sampling of a model's requests according to the flags."""
    return Sampling(prefix.with_name(f"{prefix.name}.{quote(model, safe='')}"), rate)


def _bytes(array: Any) -> int:
    if array.dtype.kind != "O":
        return int(array.nbytes)
    return sum(len(value) for value in array.flat)
