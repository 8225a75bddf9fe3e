"""Networks of several layers, as people bring them."""

from typing import Any

from keras import layers

from tests.compatibility.row import Numbers, Row, computed, family


def _residual(x: Any) -> Any:
    x = layers.Conv2D(6, 3, padding="same")(x)
    for _ in range(2):
        inner = layers.Conv2D(6, 3, padding="same")(layers.ReLU()(x))
        x = layers.Add()([x, layers.BatchNormalization()(inner)])
    pooled = layers.Flatten()(layers.AveragePooling2D(4)(layers.LayerNormalization()(x)))
    return layers.Dense(5, activation="softmax")(pooled * 6.0)


def _transformer(causal: bool) -> Any:
    def network(ids: Any) -> Any:
        x = layers.Embedding(20, 16)(ids)
        attended = layers.MultiHeadAttention(2, 8)(x, x, use_causal_mask=causal)
        x = layers.LayerNormalization()(layers.Add()([x, attended]))
        fed = layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, fed]))
        return layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling1D()(x) * 3.0)

    return network


def _recurrent(ids: Any) -> Any:
    x = layers.GRU(12)(layers.Embedding(20, 8, mask_zero=True)(ids))
    return layers.Dense(4, activation="softmax")(x * 4.0)


_IDS = {"x": Numbers(0, 19)}

ROWS = family(
    "Networks",
    Row("residual network", computed(_residual, 8, 8, 3), covers=("Conv2D",), classes=True),
    Row(
        "transformer block",
        computed(_transformer(causal=False), 8, dtype="int32"),
        _IDS,
        covers=("MultiHeadAttention",),
        classes=True,
    ),
    Row(
        "transformer block, causal",
        computed(_transformer(causal=True), 8, dtype="int32"),
        _IDS,
        covers=("MultiHeadAttention",),
        classes=True,
    ),
    Row(
        "token ids, GRU, classes",
        computed(_recurrent, 10, dtype="int32"),
        _IDS,
        covers=("GRU",),
        classes=True,
    ),
    Row(
        "LSTM classifier",
        computed(lambda x: layers.Dense(4, activation="softmax")(layers.LSTM(16)(x) * 4.0), 20, 3),
        covers=("LSTM",),
        classes=True,
    ),
    Row(
        "bidirectional LSTM classifier",
        computed(
            lambda x: layers.Dense(4, activation="softmax")(
                layers.Bidirectional(layers.LSTM(8))(x) * 4.0
            ),
            20,
            3,
        ),
        covers=("LSTM",),
        classes=True,
    ),
    Row(
        "dense network with gelu",
        computed(
            lambda x: layers.Dense(4, activation="softmax")(
                layers.Dense(16, activation="gelu")(x) * 2.0
            ),
            8,
        ),
        covers=("Dense",),
        classes=True,
    ),
)
