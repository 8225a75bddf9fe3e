"""Warm-up requests: written beside a model, and read when a version is loaded."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.server.dataplane import classify_regress, predict, protos
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.scheduler import timed_run
from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.tensors import Signature, Tensors

# g3doc/saved_model_warmup.md of TensorFlow Serving.
FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_RECORDS = 1000
# The first call prepares the graph; only later ones show how long calls take.
ROUNDS = 2
# The file belongs to the model: only what would exhaust the memory is refused.
_LIMITS = InputLimits(rows=1 << 62)


def warm_up(servable: Servable, folder: Path) -> dict[str, Tensors]:
    """Runs the requests in a version's file. Returns inputs that each signature accepted.

    Raises ServingError when one of them fails: a version that can't answer must not be served.
    """
    accepted: dict[str, Tensors] = {}
    for count, record in enumerate(_records(folder / FILE), 1):
        if count > MAX_RECORDS:
            raise invalid(f"more than {MAX_RECORDS} warm-up requests in {folder / FILE}")
        try:
            runs = _replay(servable, record)
        except ServingError as error:
            raise ServingError(
                error.code, f"warm-up request {count} failed: {error.message}"
            ) from error
        accepted.update({run.signature.name: run.inputs for run in runs})
    return accepted


def write(requests: Iterable[Any], folder: Path) -> Path:
    """Writes one PredictionLog for each PredictRequest. Returns the file."""
    from tensorflow_serving.apis import prediction_log_pb2

    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tensorflow().io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            # The same model gives the same file.
            writer.write(log.SerializeToString(deterministic=True))
    return path


@dataclass(frozen=True)
class _Run:
    """One call that a request results in."""

    signature: Signature
    inputs: Tensors
    outputs: tuple[str, ...]


def _replay(servable: Servable, record: bytes) -> list[_Run]:
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid("it is not a PredictionLog") from error
    runs = _runs(servable, log)
    for run in runs:
        servable.run(run.signature, run.inputs, run.outputs)
        weight = _LIMITS.check_content(run.inputs)
        for _ in range(ROUNDS):
            timed_run(servable, run.signature, run.inputs, run.outputs, weight)
    return runs


def _runs(servable: Servable, log: Any) -> list[_Run]:
    """Returns the calls that a PredictionLog describes. Raises ServingError if it is invalid."""
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        signature = predict.signature(servable, request.model_spec.signature_name)
        inputs = predict.from_messages(signature, request.inputs, _LIMITS)
        wanted = predict.chosen_outputs(signature, request.output_filter)
        return [_Run(signature, predict.promised(signature, inputs), wanted)]
    if kind in ("classify_log", "regress_log"):
        request = getattr(log, kind).request
        tasks = [(kind == "classify_log", request.model_spec.signature_name)]
    elif kind == "multi_inference_log":
        request = log.multi_inference_log.request
        tasks = [
            (task.method_name == classify_regress.CLASSIFY_METHOD, task.model_spec.signature_name)
            for task in request.tasks
        ]
    else:
        raise ServingError(Code.UNIMPLEMENTED, f"log type {kind} is not supported")
    inputs = classify_regress.of_input(request.input, _LIMITS)
    runs = []
    for classify, name in tasks:
        find = classify_regress.classification if classify else classify_regress.regression
        signature = find(servable, name)
        checked = predict.promised(signature, inputs)
        runs.append(_Run(signature, checked, tuple(signature.outputs)))
    return runs


def _records(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        return
    tf = tensorflow()
    logging = tf.compat.v1.logging
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # the reader is deprecated
    try:
        yield from tf.compat.v1.io.tf_record_iterator(str(path))
    finally:
        logging.set_verbosity(verbosity)


def request(model: str, inputs: Mapping[str, Any]) -> Any:
    """Returns a PredictRequest of the default signature."""
    tensorflow()
    from tensorflow_serving.apis import predict_pb2

    message = predict_pb2.PredictRequest()
    message.model_spec.name = model
    for alias, array in inputs.items():
        protos.to_proto(array, message.inputs[alias])
    return message
