"""The fashion network in three forms, trained in two ways, with equal results and one contract."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mobile.target
from core.agreement.golden import Golden
from core.agreement.target import ConvertConfig
from core.errors import UserError
from models.fashion import network
from models.fashion.adam import Adam
from models.spec import Limits, load
from pipeline.training import loop
from pipeline.training.export import export
from pipeline.training.journal import Journal
from pipeline.training.methods import Method, prepare, step_of
from tests.golden import classes_golden

STATISTICS = {"image_mean": np.float32(70), "image_variance": np.float32(8100)}
HYPERPARAMETERS: dict[str, Any] = {
    **load("fashion").profile("quick").hyperparameters,
    "epochs": 1,
    "batch_size": 16,
}
STEPS = 4


@pytest.fixture(autouse=True)
def smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer layers of the same kinds: most of the time is spent on tracing."""
    monkeypatch.setattr(network, "CONVOLUTIONS", ((8, 4, 2), (16, 3, 2)))


def batches() -> Any:
    """Four batches of sixteen pictures in which the class is a bright row."""
    import tensorflow as tf

    random = np.random.default_rng(1)
    labels = np.arange(16 * STEPS) % 10
    images = random.uniform(0, 90, (len(labels), 28, 28, 1)).astype(np.float32)
    images[np.arange(len(labels)), 2 * labels + 4] += 150
    data = tf.data.Dataset.from_tensor_slices(({"image": images}, labels.astype(np.int64)))
    return data.batch(16)


def built(name: str, seed: int = 5) -> Any:
    import keras

    keras.utils.set_random_seed(seed)
    chosen = {**HYPERPARAMETERS, "network": name}
    model = network.build(STATISTICS, chosen)
    network.compile(model, chosen, steps_per_epoch=STEPS)
    return model


def test_fit_and_tape_reach_the_same_weights() -> None:
    by_fit, by_tape = built("functional"), built("functional")
    prepare(by_fit, "graph")
    by_fit.fit(batches(), epochs=1, shuffle=False, verbose=0)
    apply = step_of(by_tape)
    for inputs, labels in batches():
        apply(loop.gradients(by_tape, inputs, labels)[2])
    for one, other in zip(by_fit.get_weights(), by_tape.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6, rtol=1e-5)


def test_equal_gradients_by_keras_loss_and_by_hand() -> None:
    import keras
    import tensorflow as tf

    model = built("functional")
    inputs, labels = next(iter(batches()))
    with tf.GradientTape() as tape:
        losses = keras.losses.sparse_categorical_crossentropy(labels, model(inputs, training=True))
        loss = tf.reduce_mean(losses)
    theirs = tape.gradient(loss, loop.variables_of(model))
    ours = loop.gradients(built("functional"), inputs, labels)[2]
    for one, other in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_adam_by_hand_is_keras_adam() -> None:
    import keras
    import tensorflow as tf

    start = np.linspace(-1, 1, 6, dtype=np.float32)
    theirs, ours = keras.Variable(start), tf.Variable(start)
    optimizer, step = keras.optimizers.Adam(0.05), Adam([ours], 0.05)
    optimizer.build([theirs])
    for slope in np.random.default_rng(2).normal(size=(20, 6)).astype(np.float32):
        optimizer.apply([tf.constant(slope)], [theirs])
        step([tf.constant(slope)])
    np.testing.assert_allclose(theirs.numpy(), ours.numpy(), atol=1e-6)


def test_all_executions_give_the_same_result(tmp_path: Path) -> None:
    histories = []
    for execution in loop.EXECUTIONS:
        model = built("raw")
        method = Method("gradient_tape", execution)
        method.train(model, batches(), batches(), Journal(tmp_path / execution, 1))
        head, line = (tmp_path / execution / "history.csv").read_text().splitlines()
        assert head == "epoch,loss,accuracy,val_loss,val_accuracy"
        histories.append([float(value) for value in line.split(",")])
    np.testing.assert_allclose(histories[1], histories[0], atol=1e-4)
    np.testing.assert_allclose(histories[2], histories[0], atol=1e-4)


@pytest.mark.parametrize("name", network.NETWORKS)
def test_each_form_learns_and_reaches_the_device(name: str, tmp_path: Path) -> None:
    spec = load("fashion")
    model = built(name)
    before = loss_of(model)
    Method("gradient_tape").train(model, batches().repeat(6), batches(), Journal(tmp_path, 1))
    assert loss_of(model) < before
    export(model, spec, tmp_path / "saved_model")
    weights = weights_of(tmp_path / "saved_model")
    assert len(weights) == 12
    assert (weights[0], weights[-1]) == ([4, 4, 1, 8], [10])
    golden = golden_of(tmp_path / "saved_model")
    limits = {"float32": Limits(agreement=0.98, max_diff=1e-4, accuracy_drop=0.02)}
    small = replace(spec, limits={**spec.limits, "mobile": limits})
    artifacts = mobile.target.convert(
        tmp_path / "saved_model",
        tmp_path / "mobile",
        spec=small,
        config=ConvertConfig(tmp_path, tmp_path),
    )
    for check in mobile.target.check(artifacts, golden, limits=limits):
        assert check.status == "passed", check


def loss_of(model: Any) -> float:
    inputs, labels = next(iter(batches()))
    return float(np.mean(loop.cross_entropy(labels, model(inputs, training=True))))


def weights_of(saved_model: Path) -> list[list[int]]:
    """Returns the shapes of all weights in a SavedModel, in its order."""
    import tensorflow as tf

    shapes = tf.train.load_checkpoint(
        str(saved_model / "variables" / "variables")
    ).get_variable_to_shape_map()
    del shapes["_CHECKPOINTABLE_OBJECT_GRAPH"]
    keys = [f"weights/{number}/.ATTRIBUTES/VARIABLE_VALUE" for number in range(len(shapes))]
    return [shapes[key] for key in keys]


def golden_of(saved_model: Path) -> Golden:
    import tensorflow as tf

    signatures = tf.saved_model.load(str(saved_model)).signatures
    assert sorted(signatures) == ["serving_bytes", "serving_default", "serving_examples"]
    [(inputs, labels)] = list(batches().unbatch().batch(16 * STEPS))
    outputs = signatures["serving_default"](**inputs)["probabilities"].numpy()
    return classes_golden({"image": inputs["image"].numpy()}, labels.numpy(), outputs)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"training": "guess"}, "unknown training 'guess'; there are: fit, gradient_tape"),
        ({"execution": "fast"}, "unknown execution 'fast'; there are: eager, graph, xla"),
    ],
)
def test_unknown_choices_are_reported(chosen: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Method.of(chosen)


def test_other_unknown_choices_are_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown network 'deep'; there are: functional"):
        network.build(STATISTICS, {"network": "deep"})
    with pytest.raises(UserError, match="Raw is not a Keras model and has no fit"):
        Method().train(built("raw"), batches(), batches(), Journal(tmp_path, 1))
