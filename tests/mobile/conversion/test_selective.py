"""What eight bits cannot hold stays in float32, and nothing else does."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from mobile.checks.runtimes import RUNTIMES, run
from mobile.conversion.loops import with_float32_biases
from mobile.conversion.model_file import read
from mobile.conversion.nearness import agree
from mobile.conversion.selective import NeedsFloatError, Selective, TooCoarseError, holds
from mobile.conversion.variants import VARIANTS
from models.spec import Output

EXAMPLES = 40


class Model:
    """A function of ``x`` (8 rows of 6 numbers), and what the quantizer makes of it."""

    def __init__(
        self, outputs: Callable[[Any], dict[str, Any]], role: str = "classification"
    ) -> None:
        import tensorflow as tf

        self.function = tf.function(outputs, autograph=False).get_concrete_function(
            x=tf.TensorSpec((1, 8, 6), name="x")
        )
        values = np.random.default_rng(3).normal(0, 2, (EXAMPLES, 8, 6)).astype(np.float32)
        self.examples = {"x": values}
        self.outputs = tuple(
            Output(name, "float32", tuple(shape[1:]), "", role=role)
            for name, shape in self.function.output_shapes.items()
        )

    @cached_property
    def by_default(self) -> bytes:
        return self._converted(calibrate_only=False)

    @cached_property
    def selective(self) -> Selective:
        return Selective(self._converted(calibrate_only=True), self.examples, self.outputs)

    def holds(self, content: bytes) -> bool:
        return holds(content, self.function, self.examples, self.outputs)

    def _converted(self, *, calibrate_only: bool) -> bytes:
        import tensorflow as tf

        converter = tf.lite.TFLiteConverter.from_concrete_functions([self.function], tf.Module())
        VARIANTS["int8"].configure(converter)
        rows = self.examples["x"]
        converter.representative_dataset = lambda: ({"x": row[None]} for row in rows)
        converter._experimental_calibrate_only = calibrate_only
        content: bytes = converter.convert()
        return content


pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")


def kernel(seed: int) -> Array:
    return np.random.default_rng(seed).normal(0, 0.5, (6, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def hard() -> Model:
    """Causal attention, whose mask takes the scale, and a root that no old runtime has."""
    import tensorflow as tf

    def outputs(x: Any) -> dict[str, Any]:
        flat = tf.reshape(x, (8, 6))
        query, value = (tf.reshape(flat @ kernel(seed), (1, 8, 6)) for seed in (1, 2))
        scores = tf.matmul(query, x, transpose_b=True)
        mask = np.triu(np.full((8, 8), -1e9, np.float32), 1)
        attended = tf.matmul(tf.nn.softmax(scores + mask), value)
        return {"attended": attended, "squareplus": (x + tf.sqrt(x * x + 4)) / 2}

    return Model(outputs)


@pytest.fixture(scope="module")
def narrow() -> Model:
    """A celu, whose negative half has a narrower range than what it is computed from."""
    import tensorflow as tf

    def outputs(x: Any) -> dict[str, Any]:
        y = tf.reshape(tf.reshape(x, (8, 6)) @ kernel(1), (1, 8, 6))
        low = tf.minimum(y, 0.1)
        return {"both": y + 0.5 * low}

    return Model(outputs)


def test_only_what_eight_bits_cannot_hold_stays_in_float(hard: Model, tmp_path: Path) -> None:
    assert not hard.holds(hard.by_default)
    found = hard.selective.narrowed
    assert hard.holds(found.content)
    in_float = {operator for operator, _ in found.in_float}
    assert in_float >= {"SOFTMAX", "SQRT"}
    assert "FULLY_CONNECTED" not in in_float
    file = tmp_path / "int8.tflite"
    file.write_bytes(found.content)
    assert set(read(file).float_operators) == in_float
    np.save(tmp_path / "input.x.npy", hard.examples["x"])
    right = [hard.function(x=row[None]) for row in hard.examples["x"]]
    for runtime in RUNTIMES:
        (tmp_path / runtime.module).mkdir()
        for name, answers in run(
            runtime, file, tmp_path, tmp_path / runtime.module
        ).outputs.items():
            wanted = np.concatenate([row[name] for row in right])
            assert np.abs(answers - wanted).max() < 0.05 * np.abs(wanted).max(), name


def test_bytes_only_are_refused_by_name(hard: Model) -> None:
    with pytest.raises(NeedsFloatError, match=r"cannot run .*SOFTMAX, SQRT.*take the variant int8"):
        hard.selective.bytes_only()


def test_a_narrow_result_does_not_cut_off_its_input(narrow: Model) -> None:
    assert not narrow.holds(narrow.by_default)
    found = narrow.selective.narrowed
    assert found.in_float == ()
    assert narrow.holds(found.content)
    assert narrow.holds(narrow.selective.bytes_only())


def test_infinite_values_do_not_hide_what_makes_them() -> None:
    """Eight bits make zeros of small numbers, and their logarithms are infinite."""
    import tensorflow as tf

    def outputs(x: Any) -> dict[str, Any]:
        y = tf.reshape(tf.reshape(x, (8, 6)) @ kernel(1), (1, 8, 6))
        power = tf.maximum(tf.sigmoid(y) * tf.sigmoid(6 * x), 1e-10)
        return {"decibels": tf.math.log(power), "apart": tf.tanh(x)}

    decibels = Model(outputs)
    found = decibels.selective.narrowed
    in_float = {operator for operator, _ in found.in_float}
    assert in_float >= {"MAXIMUM", "LOG"}
    assert "TANH" not in in_float
    assert decibels.holds(found.content)


def test_a_branch_may_have_no_operators() -> None:
    import tensorflow as tf

    def outputs(x: Any) -> dict[str, Any]:
        y = tf.cond(tf.reduce_sum(x) > 1e6, lambda: tf.sin(x), lambda: x)
        return {"twice": y + y}

    branches = Model(outputs)
    assert with_float32_biases(branches.by_default) == branches.by_default
    assert branches.holds(branches.selective.narrowed.content)


@pytest.mark.parametrize(
    ("error", "agrees"), [(0.05, True), (0.15, False)], ids=["small errors", "large errors"]
)
def test_an_order_that_is_lost_counts_where_errors_are_large(error: float, agrees: bool) -> None:
    """Saturated values are all alike, and no two highest of them are told apart."""
    right = np.sign(np.random.default_rng(5).normal(0, 1, (EXAMPLES, 12)))
    answers = right.copy()
    first = right.argmax(axis=1)
    answers[np.arange(EXAMPLES), first] -= error
    assert np.sqrt(np.mean(np.square(answers - right))) < 0.05
    outputs = (Output("x", "float32", (12,), ""),)
    assert agree({"x": answers}, {"x": right}, outputs) == agrees


def test_a_loop_that_eight_bits_cannot_hold_is_refused_by_name() -> None:
    """The logistic map doubles errors in each step, and nothing in a loop's body stays in float."""
    import tensorflow as tf

    def outputs(x: Any) -> dict[str, Any]:
        with tf.name_scope("network/chaos/"):
            _, last = tf.while_loop(
                lambda count, _: count < 10,
                lambda count, value: (count + 1, 4 * value * (1 - value)),
                (0, tf.sigmoid(x)),
            )
        return {"last": last}

    chaotic = Model(outputs)
    assert not chaotic.holds(chaotic.by_default)
    with pytest.raises(TooCoarseError, match=r"cannot run WHILE of layer 'chaos': .*take the vari"):
        _ = chaotic.selective.narrowed


@pytest.mark.parametrize(
    ("role", "shape", "moved", "agrees"),
    [
        # Many numbers of a vector differ a little: the largest is another one, but means nothing.
        ("regression", (12,), 0.02, True),
        ("tensor", (12,), 0.02, True),
        ("embedding", (12,), 0.02, True),
        # A few are far off, in a small share of all values.
        ("regression", (12,), 0.4, False),
        ("tensor", (12,), 0.4, False),
    ],
)
def test_the_role_says_what_the_same_decision_is(
    role: str, shape: tuple[int, ...], moved: float, agrees: bool
) -> None:
    random = np.random.default_rng(6)
    # The largest values are alike, and far from zero.
    right = (random.normal(0, 1, (EXAMPLES, *shape)) + 100).astype(np.float32)
    answers = right.copy()
    answers[:, 0] += moved
    answers[:, 1] -= moved
    outputs = (Output("x", "float32", shape, "", role=role),)
    assert agree({"x": answers}, {"x": right}, outputs) == agrees


def test_sides_of_a_threshold_and_pixels_count() -> None:
    """A few decisions that were clear are others, although the errors are small on the whole."""
    clear = np.linspace(0.1, 0.9, EXAMPLES, dtype=np.float32)[:, None]
    clear[18:22] = 0.46
    binary = (Output("x", "float32", (1,), "", role="binary"),)
    assert agree({"x": clear + 0.02}, {"x": clear}, binary)
    moved = clear.copy()
    moved[18:22] = 0.54
    assert not agree({"x": moved}, {"x": clear}, binary)
    close = np.where(clear == np.float32(0.46), np.float32(0.49), clear)
    moved[18:22] = 0.51
    assert agree({"x": moved}, {"x": close}, binary), "rounding decides these"
    pixels = np.full((EXAMPLES, 8, 8, 2), 0.5, np.float32) + np.array([0.04, 0], np.float32)
    mask = (Output("x", "float32", (8, 8, 2), "", role="segmentation"),)
    assert agree({"x": pixels}, {"x": pixels}, mask)
    moved = pixels.copy()
    moved[:, :1] = 0.5, 0.53
    assert not agree({"x": moved}, {"x": pixels}, mask), (
        "an eighth of the pixels is of another class"
    )


def test_a_regression_keeps_its_precision_in_float() -> None:
    """A small part beside a large constant part: eight bits hold the large one only."""
    import tensorflow as tf

    def outputs(x: Any) -> dict[str, Any]:
        sums = tf.reduce_sum(tf.reshape(x, (1, 48)) @ np.ones((48, 1), np.float32), axis=1)
        return {"price": 20 * tf.tanh(sums / 7) + 1000}

    price = Model(outputs, role="regression")
    assert not price.holds(price.by_default)
    found = price.selective.narrowed
    assert price.holds(found.content) and found.in_float
