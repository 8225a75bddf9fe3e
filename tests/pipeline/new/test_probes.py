"""What trying a brought model out shows: batches, chance, ids, ranges, outputs that do not fit."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from core.errors import UserError
from models.brought.batches import in_batches
from models.brought.opened import Opened
from pipeline.new.places import Place, places_of
from pipeline.new.probes import Tried, tried


def opened(
    call: Callable[..., Any], shape: tuple[int | None, ...], dtype: str = "float32"
) -> Opened:
    import tensorflow as tf

    return Opened({"x": tf.TensorSpec(shape, dtype)}, lambda inputs: call(inputs["x"]), None)


def result(model: Opened) -> Tried:
    return tried("m", model, places_of(model.inputs, "m", {}), {})


def test_the_last_operation_is_found_behind_calls_and_changes_of_shape() -> None:
    import tensorflow as tf

    @tf.function
    def inner(x: Any) -> Any:
        return tf.math.sigmoid(x[:, :1]), tf.nn.softmax(x)

    def call(x: Any) -> Mapping[str, Any]:
        yes, kind = inner(x)
        return {"yes": tf.reshape(yes, (-1,)), "kind": tf.identity(kind), "same": x}

    roles = {each.theirs: each.output.role for each in result(opened(call, (None, 3))).outputs}
    assert roles == {"yes": "binary", "kind": "classification", "same": "tensor"}


def test_a_model_with_something_random_in_it_is_refused() -> None:
    import tensorflow as tf

    model = opened(lambda x: {"y": x + tf.random.uniform(tf.shape(x))}, (None, 3))
    with pytest.raises(UserError, match=r"gives two answers to the same input, which differ by"):
        result(model)


@pytest.mark.parametrize("size", [1, 3])
def test_a_fixed_batch_is_run_one_by_one(size: int) -> None:
    import tensorflow as tf

    def call(x: Any) -> Mapping[str, Any]:
        return {"y": tf.ensure_shape(x, (size, 2)) * 2.0}

    found = result(opened(call, (None if size == 1 else size, 2)))
    assert found.batch == size
    assert found.left_out == (
        f"batches: the model takes {size} at once, so larger batches are run one by one",
    )
    rows = np.arange(10, dtype=np.float32).reshape(5, 2)
    answers = in_batches(lambda inputs: call(inputs["x"]), size)({"x": rows})
    np.testing.assert_array_equal(answers["y"], rows * 2)


def test_an_answer_that_depends_on_the_batch_is_named() -> None:
    import tensorflow as tf

    found = result(opened(lambda x: {"y": x - tf.reduce_mean(x, axis=0)}, (None, 2)))
    assert found.batch == 1
    assert "depends on the other inputs in its batch" in found.left_out[0]


def test_ids_that_a_table_refuses_are_found() -> None:
    import tensorflow as tf

    table = tf.constant(np.eye(37, dtype=np.float32))
    found = result(opened(lambda x: {"y": tf.gather(table, x)[:, 0]}, (None, 4), "int64"))
    assert found.inputs[0].told == "int64 (4,), ids from 0 to 36"
    assert found.probes["x"].max() > 30


def test_outputs_that_cannot_be_compared_are_left_out() -> None:
    import tensorflow as tf

    def call(x: Any) -> Mapping[str, Any]:
        return {"y": x * 2, "text": tf.strings.as_string(x), "all": tf.reduce_max(x)}

    found = result(opened(call, (None, 2)))
    assert [each.theirs for each in found.outputs] == ["y"]
    assert found.left_out == (
        "the output text is left out, as its values are texts",
        "the output all is left out, as it is not one answer for each example",
    )
    with pytest.raises(UserError, match="has no output of numbers for each example"):
        result(opened(lambda x: {"text": tf.strings.as_string(x)}, (None, 2)))


def test_a_model_that_answers_nan_or_fails_is_refused() -> None:
    import tensorflow as tf

    with pytest.raises(UserError, match="answers made-up inputs with NaN or infinity"):
        result(opened(lambda x: {"y": x / 0.0}, (None, 2)))

    def fails(x: Any) -> Mapping[str, Any]:
        return {"y": tf.debugging.assert_less(x, -1e9, "no") or x}

    with pytest.raises(UserError, match="cannot be run on made-up inputs"):
        result(opened(fails, (None, 2)))


def test_decisions_that_never_differ_are_named() -> None:
    import tensorflow as tf

    found = result(opened(lambda x: {"y": tf.nn.softmax(x[:, :2] * 1e-9 + [1.0, 2.0])}, (None, 3)))
    assert found.undecided == ("y",)


@pytest.mark.parametrize(
    ("shape", "dtype", "asked", "message"),
    [
        ((None, None), "float32", {}, r"got \(None,\); give them with --shape x=SIZE"),
        ((None, None, 3), "float32", {}, r"give them with --shape x=SIZE,3"),
        (None, "float32", {}, r"got \(unknown\); give them with --shape x=SIZE"),
        (
            (None, None, 3),
            "float32",
            {"x": (5,)},
            r"--shape x must fit .* \(None, 3\) .* got \(5,\)",
        ),
        ((None, 4), "float32", {"x": (5,)}, r"--shape x must fit .* \(4,\) .* got \(5,\)"),
        ((None, None), "float32", {"x": (0,)}, r"--shape x must fit .* got \(0,\)"),
        ((None, 4), "float32", {"z": (4,)}, r"--shape names the input 'z', which .* it has: x"),
        ((), "float32", {}, "is one value for all examples of a batch"),
        ((None, 4), "complex64", {}, "must have numbers, bools or texts, got complex64"),
    ],
)
def test_an_input_that_does_not_fit_is_refused(
    shape: tuple[int | None, ...] | None,
    dtype: str,
    asked: Mapping[str, tuple[int, ...]],
    message: str,
) -> None:
    import tensorflow as tf

    with pytest.raises(UserError, match=message):
        places_of({"x": tf.TensorSpec(shape, dtype)}, "m", asked)


def test_a_shape_that_is_asked_for_is_taken() -> None:
    import tensorflow as tf

    specs = {"Ids": tf.TensorSpec((None, None), "int32"), "any": tf.TensorSpec(None, "float16")}
    first, second = places_of(specs, "m", {"ids": (7,), "any": (2, 3)})
    assert (first.shape, second.shape) == ((7,), (2, 3))
    assert second.told == (
        "float32 (2, 3), values assumed to be from 0 to 1; the model takes float16, to which they "
        "are converted"
    )


def test_no_input_is_refused() -> None:
    with pytest.raises(UserError, match="takes no inputs"):
        places_of({}, "m", {})


def test_the_description_of_an_input_is_python() -> None:
    from models.brought.made_up import Values
    from models.spec import Tensor

    place = Place("Ids", "ids", "int32", (4,), tried=9)
    assert eval(f"({place.source()})", {"Tensor": Tensor}) == (place.tensor,)  # noqa: S307 - ours
    source = f"{{{place.values_source()}}}"
    assert eval(source, {"Values": Values}) == {"ids": Values(whole=True)}  # noqa: S307 - ours
