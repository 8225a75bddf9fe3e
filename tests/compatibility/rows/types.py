"""Types of inputs and weights, several inputs and outputs, and sizes that stay open."""

from typing import Any

import keras
from keras import layers

from tests.compatibility.row import BYTES, Flags, Numbers, Row, computed, family

_PICTURE = (8, 8, 3)


def _classes(x: Any, dtype: str = "float32") -> Any:
    logits = layers.Dense(4, dtype=dtype)(layers.Dense(8, activation="relu", dtype=dtype)(x))
    return layers.Softmax(dtype=dtype)(logits * 3.0)


def _convolved(policy: str) -> Any:
    def network(x: Any) -> Any:
        x = layers.Conv2D(6, 3, strides=2, activation="relu", dtype=policy)(x)
        x = layers.Flatten(dtype=policy)(x)
        x = layers.Dense(8, activation="relu", dtype=policy)(x)
        return layers.Activation("softmax", dtype="float32")(layers.Dense(4, dtype=policy)(x) * 2.0)

    return network


def _from_bytes(x: Any) -> Any:
    x = layers.Conv2D(6, 3, activation="relu")(layers.Rescaling(1 / 64, -2.0)(x))
    return _classes(layers.GlobalMaxPooling2D()(x))


def _of_any_size(x: Any) -> Any:
    x = layers.MaxPooling2D(2)(layers.Conv2D(6, 3, activation="relu")(x))
    return _classes(layers.GlobalMaxPooling2D()(x))


def _two_and_three() -> Any:
    numbers = keras.Input((6,), name="numbers")
    picture = keras.Input((4, 4, 2), name="picture")
    seen = layers.Flatten()(layers.Conv2D(4, 3)(picture))
    both = layers.Concatenate()([numbers, seen])
    # In another order than that of their names; two of them have the same shape.
    outputs = {
        "zz": layers.Dense(4, name="zz")(both),
        "aa": layers.Dense(4, activation="softmax", name="aa")(both),
        "mm": layers.Dense(3, activation="sigmoid", name="mm")(both),
    }
    return keras.Model({"numbers": numbers, "picture": picture}, outputs)


def _as_float(x: Any) -> Any:
    return _classes(keras.ops.cast(x, "float32"))


ROWS = family(
    "Types and signatures",
    Row(
        "int64 input",
        computed(_as_float, 6, dtype="int64"),
        {"x": Numbers(-3, 3)},
        covers=("Dense",),
        classes=True,
    ),
    Row(
        "int32 input",
        computed(_as_float, 6, dtype="int32"),
        {"x": Numbers(-3, 3)},
        covers=("Dense",),
        classes=True,
    ),
    Row(
        "uint8 input",
        computed(_from_bytes, *_PICTURE, dtype="uint8"),
        {"x": BYTES},
        covers=("Rescaling",),
        classes=True,
    ),
    Row(
        "bool input",
        computed(_as_float, 10, dtype="bool"),
        {"x": Flags()},
        covers=("Dense",),
        classes=True,
    ),
    Row("float16 input", computed(_as_float, 6, dtype="float16"), covers=("Dense",), classes=True),
    Row(
        "float64 model",
        computed(lambda x: _classes(x, "float64"), 6, dtype="float64"),
        covers=("Dense",),
        classes=True,
    ),
    Row(
        "mixed_float16 policy",
        computed(_convolved("mixed_float16"), *_PICTURE),
        covers=("Conv2D",),
        classes=True,
    ),
    Row(
        "bfloat16 policy",
        computed(_convolved("bfloat16"), *_PICTURE),
        covers=("Conv2D",),
        classes=True,
    ),
    Row(
        "mixed_bfloat16 policy",
        computed(_convolved("mixed_bfloat16"), *_PICTURE),
        covers=("Conv2D",),
        classes=True,
    ),
    Row("two inputs and three outputs", _two_and_three, covers=("Dense",)),
    Row(
        "an input that is also an output",
        computed(lambda x: {"dense": layers.Dense(4)(x), "same": x}, 6),
        covers=("Dense",),
    ),
    Row(
        "unknown picture size: Conv2D + pooling",
        computed(_of_any_size, None, None, 3),
        covers=("Conv2D",),
        classes=True,
        shapes={"x": _PICTURE},
    ),
)
