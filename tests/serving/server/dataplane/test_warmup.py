"""Warm-up requests: run when a version is loaded, before it answers anybody."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.dataplane import warmup
from serving.server.dataplane.manager import Manager
from serving.server.dataplane.model_config import ModelConfig
from serving.server.dataplane.runtime import tensorflow
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import ServingError
from serving.server.dataplane.versions import Models, State
from serving.server.server import make_loader
from serving.server.settings import flags


@pytest.fixture
def put(half_plus_two: Path, tmp_path: Path) -> Callable[..., Path]:
    """Returns a function that puts a version with these warm-up records at a base path."""

    def copy(version: int, *records: bytes) -> Path:
        folder = tmp_path / str(version)
        shutil.copytree(half_plus_two / "00000123", folder)
        (folder / warmup.FILE).parent.mkdir()
        with tensorflow().io.TFRecordWriter(str(folder / warmup.FILE)) as writer:
            for record in records:
                writer.write(record)
        return folder

    return copy


def predict_log(signature: str = "", *, alias: str = "x", shape: tuple[int, ...] = (2, 1)) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    array = np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)
    request = warmup.request("half", {alias: array})
    request.model_spec.signature_name = signature
    log.predict_log.request.CopyFrom(request)
    return bytes(log.SerializeToString())


def examples_log(kind: str) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    request = getattr(log, f"{kind}_log").request
    if kind == "multi_inference":
        for name, method in (("regress_x_to_y", "regress"), ("classify_x_to_y", "classify")):
            task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
            task.model_spec.signature_name = name
    else:
        request.model_spec.signature_name = f"{kind}_x_to_y"
    request.input.example_list.examples.append(example_pb2.Example())
    return bytes(log.SerializeToString())


def load(folder: Path, *options: str) -> Servable:
    settings = flags.parse([f"--model_base_path={folder.parent}", *options], {})
    loader: Any = make_loader(settings)
    servable: Servable = loader("half", 1, folder)
    return servable


def runs(servable: Servable) -> set[str]:
    """Returns the signatures whose calls were timed."""
    return set(servable._paces)


def test_requests_are_run_and_timed(put: Callable[..., Path]) -> None:
    assert runs(load(put(1, predict_log()))) == {"serving_default"}
    assert runs(load(put(2, examples_log("regress")))) == {"regress_x_to_y"}
    assert runs(load(put(3, examples_log("classify")))) == {"classify_x_to_y"}
    both = {"regress_x_to_y", "classify_x_to_y"}
    assert runs(load(put(4, examples_log("multi_inference")))) == both
    assert runs(load(put(5, predict_log()), "--enable_model_warmup=false")) == set()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (predict_log("no"), 'request 1 failed: Serving signature key "no" not found'),
        (predict_log(alias="z"), "request 1 failed: input size does not match signature"),
        (
            predict_log(shape=(2, 2)),
            "request 1 failed: input tensor alias x has shape [2,2], expected [-1,1]",
        ),
        (b"\xff", "request 1 failed: it is not a PredictionLog"),
        (b"", "request 1 failed: log type None is not supported"),
    ],
)
def test_a_version_that_fails_its_warm_up_is_not_served(
    put: Callable[..., Path], record: bytes, message: str
) -> None:
    base = put(1, predict_log()).parent
    settings = flags.parse([f"--model_base_path={base}"], {})
    models = Models()
    keeper = Manager(models, [ModelConfig("half", base)], make_loader(settings))
    keeper.load_all()
    put(2, record)
    keeper.sync()
    first, second = models.versions("half")
    assert (first.state, second.state) == (State.AVAILABLE, State.END)
    assert second.error is not None and message in second.error.message


def test_a_plain_list_warms_up_a_column(put: Callable[..., Path]) -> None:
    folder = put(1, predict_log(shape=(2,)))
    assert warmup.warm_up(load(folder), folder)["serving_default"]["x"].shape == (2, 1)


def test_there_is_a_bound(put: Callable[..., Path]) -> None:
    folder = put(1, *[predict_log()] * (warmup.MAX_RECORDS + 1))
    with pytest.raises(ServingError, match="more than 1000 warm-up requests"):
        load(folder)
