from typing import Any

import numpy as np
import pytest

from models.columns import Columns

COLUMNS = Columns(numbers=("size", "same"), texts=("kind",))
LEARNT = {
    "size_mean": np.float32(10),
    "size_variance": np.float32(4),
    "same_mean": np.float32(3),
    "same_variance": np.float32(0),
    "kind": np.array([b"a", "ö".encode()]),
}


@pytest.fixture(scope="module")
def encoder() -> Any:
    import keras

    inputs = COLUMNS.inputs()
    return keras.Model(inputs, COLUMNS.encoded(inputs, LEARNT))


def encode(encoder: Any, size: float, same: float, kind: str) -> list[float]:
    import tensorflow as tf

    row = {"size": tf.constant([size]), "same": tf.constant([same]), "kind": tf.constant([kind])}
    values: list[float] = encoder(row).numpy()[0].tolist()
    return values


def test_numbers_are_scaled_and_texts_get_places(encoder: Any) -> None:
    # The scaled size and the scaled constant, whether each was present, then one-hot: other, a, ö.
    assert encode(encoder, 14.0, 3.0, "ö") == [2.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]


def test_missing_and_unseen_values_have_their_own_code(encoder: Any) -> None:
    assert encode(encoder, -1.0, -1.0, "") == [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    assert encode(encoder, -1.0, -1.0, "never seen") == encode(encoder, -1.0, -1.0, "")


def test_a_share_of_the_values_is_blanked() -> None:
    import tensorflow as tf

    inputs = {
        "size": tf.fill([4000], 14.0),
        "same": tf.fill([4000], 3.0),
        "kind": tf.fill([4000], "a"),
    }
    blanked = COLUMNS.blanked(inputs, tf.constant([1, 2]), 0.2)
    shares = [
        float(np.mean(blanked[name].numpy() == missing))
        for name, missing in (("size", -1), ("same", -1), ("kind", b""))
    ]
    np.testing.assert_allclose(shares, 0.2, atol=0.03)
    again = COLUMNS.blanked(inputs, tf.constant([1, 2]), 0.2)
    np.testing.assert_array_equal(again["size"], blanked["size"])


def test_missing_values_of_an_example_become_the_missing_values() -> None:
    import tensorflow as tf

    from models.examples import serialized

    record = serialized({"size": None, "same": 3.0, "kind": None, "label": 1})
    parsed = tf.io.parse_example([record], COLUMNS.features)
    inputs = COLUMNS.raw_inputs(parsed)
    assert {name: values.numpy().tolist() for name, values in inputs.items()} == {
        "size": [-1.0],
        "same": [3.0],
        "kind": [b""],
    }
