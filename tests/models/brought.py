"""Small models as people bring them: every kind of network, and of answer; seeded."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SEED = 11
CLASSES = 4


def save(name: str, folder: Path) -> Path:
    """Writes a model of the tables as ``<name>.keras`` and returns the file."""
    import keras
    import numpy as np

    keras.utils.clear_session()
    keras.utils.set_random_seed(SEED)
    model = {**MODELS, **ANSWERS}[name]()
    random = np.random.default_rng(SEED)
    for variable in model.trainable_variables:
        # Biases of zero would hide a runtime that mixes them up.
        if variable.ndim == 1:
            values = variable.numpy()
            variable.assign(values + random.normal(0, 0.3, values.shape))
    file = folder / f"{name}.keras"
    with warnings.catch_warnings():
        # NumPy 2 warns about TensorFlow's variables whenever Keras saves one.
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(file)
    return file


def _small() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((4,), name="columns"),
            layers.Dense(8, activation="relu"),
            _head(activation="softmax"),
        ]
    )


def _lstm() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [keras.Input((20, 3), name="steps"), layers.LSTM(16), _head(activation="softmax")]
    )


def _ids() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12,), dtype="int32", name="tokens"),
            layers.Embedding(500, 8, mask_zero=True, embeddings_initializer="glorot_normal"),
            layers.GRU(16),
            _head(activation="softmax"),
        ]
    )


def _gelu() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((6,), name="columns"),
            layers.Dense(32, activation="gelu"),
            layers.Dense(32, activation="gelu"),
            _head(activation="softmax"),
        ]
    )


def _transformer(*, causal: bool) -> Any:
    import keras

    layers = keras.layers
    x = inputs = keras.Input((16, 12), name="sequence")
    y = layers.LayerNormalization()(x)
    y = layers.MultiHeadAttention(num_heads=3, key_dim=4)(y, y, use_causal_mask=causal)
    x = layers.Add()([x, y])
    y = layers.LayerNormalization()(x)
    y = layers.Dense(24, activation="gelu")(y)
    x = layers.Add()([x, layers.Dense(12)(y)])
    # Logits, as many such models end.
    return keras.Model(inputs, _head()(layers.GlobalAveragePooling1D()(x)))


def _mixed() -> Any:
    import keras

    layers = keras.layers
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return keras.Sequential(
            [
                keras.Input((16, 16, 3), name="picture"),
                layers.Rescaling(1 / 255),
                layers.Conv2D(8, 3, activation="relu"),
                layers.BatchNormalization(),
                layers.MaxPooling2D(),
                layers.Conv2D(16, 3, strides=2, activation="relu"),
                layers.Flatten(),
                _head(activation="softmax"),
            ]
        )
    finally:
        keras.config.set_dtype_policy(before)


def _bidirectional() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((20, 3), name="steps"),
            layers.Bidirectional(layers.LSTM(12)),
            _head(activation="softmax"),
        ]
    )


def _columns(head: Callable[[Any], Any], width: int = 8) -> Any:
    import keras

    inputs = keras.Input((width,), name="columns")
    return keras.Model(inputs, head(inputs))


def _regression() -> Any:
    import keras

    return _columns(keras.layers.Dense(1))


def _binary() -> Any:
    import keras

    return _columns(keras.layers.Dense(1, activation="sigmoid"))


def _labels() -> Any:
    import keras

    return _columns(keras.layers.Dense(3, activation="sigmoid"))


def _two_heads() -> Any:
    import keras

    kind = keras.layers.Dense(3, activation="softmax", name="Kind.A")
    size = keras.layers.Dense(5, activation="softmax", name="size")
    return _columns(lambda columns: [kind(columns), size(columns)])


def _segmentation() -> Any:
    import keras

    picture = keras.Input((32, 32, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(picture)
    return keras.Model(picture, keras.layers.Conv2D(2, 1, activation="softmax")(x))


def _detection() -> Any:
    import keras

    picture = keras.Input((16, 16, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, strides=4, activation="relu")(picture)
    return keras.Model(picture, _boxes(keras.layers.Flatten()(x)))


def _boxes(x: Any, number: int = 6) -> dict[str, Any]:
    """Returns boxes whose corners are in order, and their scores."""
    import keras

    corner, size = (
        keras.layers.Reshape((number, 2))(keras.layers.Dense(number * 2, activation="sigmoid")(x))
        for _ in range(2)
    )
    scores = keras.layers.Dense(
        number, activation="sigmoid", kernel_initializer="orthogonal", name="scores"
    )(x)
    boxes = keras.layers.Concatenate(name="boxes")([corner, corner + size])
    return {"boxes": boxes, "scores": scores}


def _embedding() -> Any:
    import keras

    dense, unit = keras.layers.Dense(16), keras.layers.UnitNormalization()
    return _columns(lambda columns: unit(dense(columns)))


def _autoencoder() -> Any:
    import keras

    narrow, wide = keras.layers.Dense(16, activation="relu"), keras.layers.Dense(64)
    thousands = keras.layers.Rescaling(1e4)
    return _columns(lambda columns: thousands(wide(narrow(columns))), 64)


def _bytes() -> Any:
    import keras

    picture = keras.Input((16, 16, 3), dtype="uint8", name="Picture 1")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(picture))
    return keras.Model(picture, _head(activation="softmax")(x))


def _two_inputs() -> Any:
    import keras

    first, second = keras.Input((4,), name="b.Two"), keras.Input((4,), name="a One")
    tower = keras.layers.Dense(8, activation="relu")
    x = keras.layers.Subtract()([tower(first), tower(second)])
    return keras.Model([first, second], _head(activation="softmax")(x))


def _all_answers() -> Any:
    """Returns one model that gives every kind of answer at once."""
    import keras

    layers = keras.layers
    picture = keras.Input((8, 8, 3), dtype="uint8", name="Picture-1")
    columns = keras.Input((5,), name="columns")
    light = layers.Rescaling(1 / 255)(picture)
    x = layers.Concatenate()([layers.Flatten()(layers.AveragePooling2D(2)(light)), columns])
    return keras.Model(
        [picture, columns],
        {
            "Kind.A": layers.Dense(3, activation="softmax")(x),
            "yes": layers.Dense(1, activation="sigmoid")(x),
            "flags": layers.Dense(3, activation="sigmoid")(x),
            "price": layers.Dense(1)(x),
            "mask": layers.Conv2D(2, 1, activation="softmax")(light),
            **_boxes(x),
            "face": layers.UnitNormalization()(layers.Dense(6)(x)),
            "columns": layers.Dense(5)(x),
        },
    )


def _head(**options: Any) -> Any:
    import keras

    # Weights of this size give answers that differ between inputs.
    return keras.layers.Dense(CLASSES, kernel_initializer="orthogonal", **options)


MODELS: Mapping[str, Callable[[], Any]] = {
    "small": _small,
    "lstm": _lstm,
    "ids": _ids,
    "gelu": _gelu,
    "attention": lambda: _transformer(causal=False),
    "causal": lambda: _transformer(causal=True),
    "mixed": _mixed,
    "bidirectional": _bidirectional,
}
ANSWERS: Mapping[str, Callable[[], Any]] = {
    "regression": _regression,
    "binary": _binary,
    "labels": _labels,
    "two_heads": _two_heads,
    "segmentation": _segmentation,
    "detection": _detection,
    "embedding": _embedding,
    "autoencoder": _autoencoder,
    "bytes": _bytes,
    "two_inputs": _two_inputs,
    "all_answers": _all_answers,
}
