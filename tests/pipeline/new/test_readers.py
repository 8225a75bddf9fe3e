"""What a model's first layers say about its inputs, for every kind of model that Keras saves."""

from typing import Any

import pytest

from pipeline.new.readers import Reading, readings


def test_ids_and_padding_of_an_embedding() -> None:
    import keras

    embedding = keras.layers.Embedding(50, 4, mask_zero=True)
    model = keras.Sequential([keras.Input((8,)), embedding, keras.layers.GRU(3)])
    assert readings(model) == [Reading(50, 0.0)]


def test_each_input_of_a_functional_model_has_its_own() -> None:
    import keras

    layers = keras.layers
    words = keras.Input((8,), dtype="int32", name="words")
    kind = keras.Input((1,), dtype="int64", name="kind")
    number = keras.Input((3,), name="number")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(50, 4)(words))
    y = layers.CategoryEncoding(7, "multi_hot")(kind)
    model = keras.Model([words, number, kind], layers.Concatenate()([x, y, number]))
    assert readings(model) == [Reading(50), Reading(), Reading(7)]
    inputs = {"words": words, "number": number, "kind": kind}
    named = keras.Model(inputs, model([words, number, kind]))
    assert [tensor.name for tensor in named.inputs] == ["kind", "number", "words"]
    assert readings(named) == [Reading(7), Reading(), Reading(50)]


def test_what_only_moves_values_is_looked_through() -> None:
    import keras

    ids = keras.Input((12, 1), dtype="int32")
    rows = keras.ops.squeeze(keras.layers.Permute((2, 1))(ids), 1)
    hot = keras.ops.one_hot(keras.ops.cast(rows[:, 2:5], "int64"), 9)
    rest = keras.layers.Embedding(20, 2)(rows[:, 5:])
    model = keras.Model(ids, [hot, rest])
    assert readings(model) == [Reading(9)]


def test_numbers_that_are_computed_with_are_no_ids() -> None:
    import keras

    numbers = keras.Input((4,))
    x = keras.layers.Embedding(20, 2)(keras.layers.Dense(3)(numbers))
    assert readings(keras.Model(numbers, x)) == [Reading()]


def test_the_least_of_several_tables_holds() -> None:
    import keras

    ids = keras.Input((4,), dtype="int32")
    tables = [keras.layers.Embedding(count, 2)(ids) for count in (30, 20)]
    assert readings(keras.Model(ids, keras.layers.Add()(tables))) == [Reading(20)]


@pytest.mark.parametrize("wrap", ["sequential", "functional", "time distributed"])
def test_models_and_layers_inside_are_looked_into(wrap: str) -> None:
    import keras

    layers = keras.layers
    ids = keras.Input((5, 6), dtype="int32")
    inner: Any = layers.Embedding(30, 2)
    if wrap == "sequential":
        inner = keras.Sequential([keras.Input((5, 6)), inner])
    elif wrap == "functional":
        other, same = keras.Input((1,)), keras.Input((5, 6), dtype="int32")
        inner = keras.Model([other, same], inner(same))
        first = keras.Input((1,))
        assert readings(keras.Model([ids, first], inner([first, ids]))) == [Reading(30), Reading()]
        return
    else:
        inner = layers.TimeDistributed(inner)
    assert readings(keras.Model(ids, inner(ids))) == [Reading(30)]


def test_a_sequence_of_numbers_is_padded_with_the_masked_value() -> None:
    import keras

    masking = keras.layers.Masking(mask_value=-1.0)
    model = keras.Sequential([keras.Input((6, 2)), masking, keras.layers.LSTM(3)])
    assert readings(model) == [Reading(None, -1.0)]


def test_a_discretization_takes_any_number() -> None:
    import keras

    bins = keras.layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])
    assert readings(keras.Sequential([keras.Input((6,)), bins])) == [Reading()]
