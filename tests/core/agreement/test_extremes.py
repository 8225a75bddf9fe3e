from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from core.agreement import extremes
from core.agreement.extremes import SMALLEST, extreme_inputs, extreme_set
from core.arrays import Array
from models.spec import Output, Tensor

OUTPUTS = (Output("y", "float32", (1,), "", role="tensor"),)
BOUNDED = Tensor("x", "float32", (3,), "", minimum=0.0, maximum=255.0)


def test_the_ends_of_a_range_and_what_is_smallest_are_among_them() -> None:
    values = extreme_inputs([BOUNDED])["x"]
    assert values.dtype == np.float32
    rows = {tuple(row) for row in values.tolist()}
    for value in (0.0, 255.0, *np.float32(SMALLEST).tolist()):
        assert (value,) * 3 in rows
    assert any(len(set(row)) == 2 for row in rows), "mixtures of both ends"
    assert values.min() == 0.0 and values.max() == 255.0


def test_inputs_without_a_range_get_large_numbers_and_ids_only_the_first_two() -> None:
    inputs = extreme_inputs(
        [
            Tensor("free", "float32", (2,), ""),
            Tensor("ids", "int32", (4,), ""),
            Tensor("words", "int64", (4,), "", minimum=0, maximum=999),
            Tensor("flag", "bool", (), ""),
            Tensor("text", "string", (), "", missing="?"),
        ]
    )
    assert len({len(values) for values in inputs.values()}) == 1
    assert (inputs["free"].min(), inputs["free"].max()) == (-100.0, 100.0)
    assert set(np.unique(inputs["ids"])) == {0, 1}
    assert (inputs["words"].min(), inputs["words"].max()) == (0, 999)
    assert inputs["words"].dtype == np.int64
    assert set(inputs["text"].tolist()) == {"", "?"}
    assert set(inputs["flag"].tolist()) == {False, True}


def test_only_what_the_model_answers_with_finite_numbers_is_kept() -> None:
    def predict(inputs: Mapping[str, Array]) -> dict[str, Array]:
        checked = tf.debugging.assert_less(inputs["x"], 200.0)
        del checked
        answer: Array = tf.math.log(tf.reduce_max(inputs["x"], axis=1, keepdims=True)).numpy()
        return {"y": answer}

    kept = extreme_set(extreme_inputs([BOUNDED]), OUTPUTS, predict)
    assert kept is not None
    # The logarithm of the other small number depends on whether a thread takes it for zero.
    np.testing.assert_array_equal(kept.inputs["x"], np.full((1, 3), SMALLEST[1], np.float32))
    assert not kept.truths


def test_nothing_is_kept_of_a_model_that_refuses_everything(tmp_path: Path) -> None:
    def predict(inputs: Mapping[str, Array]) -> dict[str, Array]:
        raise tf.errors.InvalidArgumentError(None, None, "out of range")

    assert extreme_set(extreme_inputs([BOUNDED]), OUTPUTS, predict) is None
    extremes.save(None, tmp_path)
    assert extremes.load(tmp_path) is None
