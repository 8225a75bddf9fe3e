"""Small models as people bring them: recurrent, with attention, in mixed precision; seeded."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SEED = 11
CLASSES = 4


def save(name: str, folder: Path) -> Path:
    """Writes a model of the table as ``<name>.keras`` and returns the file."""
    import keras
    import numpy as np

    keras.utils.clear_session()
    keras.utils.set_random_seed(SEED)
    model = MODELS[name]()
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
