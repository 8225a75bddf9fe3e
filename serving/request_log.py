"""Reads a server's request log: PredictionLog messages in TFRecord files.

    for log in read("logs/requests.fashion"):
        images = log.inputs["image"]            # (rows, 28, 28, 1)
        probabilities = log.outputs["probabilities"]

The files of TensorFlow Serving's own request logging have the same format.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.server.dataplane import protos
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.statuses import ServingError
from serving.server.dataplane.tensors import Array
from serving.server.records.request_files import files

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Logged:
    """One request with its answer.

    Attributes:
        kind: ``predict``, ``classify``, ``regress`` or ``multi_inference``.
        model, version, signature: what answered the request.
        message: the PredictionLog.
        inputs, outputs: the tensors of a predict request by alias; empty for the other kinds.
    """

    kind: str
    model: str
    version: int
    signature: str
    message: Any
    inputs: Mapping[str, Array] = field(default_factory=dict)
    outputs: Mapping[str, Array] = field(default_factory=dict)


def read(prefix: str | Path) -> Iterator[Logged]:
    """Yields the requests that were logged under a prefix, in the order they were written.

    A truncated record, as in a file that is still being written, ends its file: that record and
    everything after it in the file are skipped. Records that are not a PredictionLog are skipped
    too.
    """
    for file in files(prefix):
        for record in _records(file):
            logged = _parsed(record)
            if logged is not None:
                yield logged


def _records(file: Path) -> Iterator[bytes]:
    tf = tensorflow()
    verbosity = tf.compat.v1.logging.get_verbosity()
    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)  # the reader is deprecated
    try:
        yield from tf.compat.v1.io.tf_record_iterator(str(file))
    except tf.errors.NotFoundError:
        return  # rotated out since it was listed
    except tf.errors.DataLossError as error:
        LOG.info("%s ends early: %s", file, error.message)
    finally:
        tf.compat.v1.logging.set_verbosity(verbosity)


def _parsed(record: bytes) -> Logged | None:
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    try:
        message = prediction_log_pb2.PredictionLog.FromString(record)
        kind = message.WhichOneof("log_type")
        if kind is None:
            return None
        spec = message.log_metadata.model_spec
        inputs: dict[str, Array] = {}
        outputs: dict[str, Array] = {}
        if kind == "predict_log":
            predicted = message.predict_log
            inputs = {name: protos.to_array(one) for name, one in predicted.request.inputs.items()}
            outputs = {
                name: protos.to_array(one) for name, one in predicted.response.outputs.items()
            }
    except (DecodeError, ServingError) as error:
        LOG.info("skipped a record: %s", error)
        return None
    return Logged(
        kind.removesuffix("_log"),
        spec.name,
        int(spec.version.value),
        spec.signature_name,
        message,
        inputs,
        outputs,
    )
