"""Dense layers, embeddings, and layers that only wrap others."""

from typing import Any

from keras import layers

from tests.compatibility.row import Numbers, Row, computed, family, of

IDS = {"x": Numbers(0, 19)}


def _there_and_back(ids: Any) -> Any:
    embedding = layers.ReversibleEmbedding(20, 6)
    return embedding(embedding(ids), reverse=True)


ROWS = family(
    "Dense and embedding",
    Row("Dense", of(lambda: layers.Dense(5), 8), classes=True),
    Row("Dense tanh", of(lambda: layers.Dense(5, activation="tanh"), 8)),
    Row("Dense gelu", of(lambda: layers.Dense(5, activation="gelu"), 8)),
    Row("Dense softmax", of(lambda: layers.Dense(5, activation="softmax"), 8), classes=True),
    Row("Dense on three dimensions", of(lambda: layers.Dense(5), 4, 8)),
    Row(
        "EinsumDense", of(lambda: layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d"), 4, 5)
    ),
    Row("Embedding", of(lambda: layers.Embedding(20, 6), 7, dtype="int32"), IDS),
    Row("ReversibleEmbedding", computed(_there_and_back, 7, dtype="int32"), IDS),
    Row(
        "TimeDistributed(Dense)",
        of(lambda: layers.TimeDistributed(layers.Dense(5)), 6, 4),
        covers=("TimeDistributed",),
    ),
    Row("Lambda", of(lambda: layers.Lambda(lambda x: x * 2.0 + 1.0), 6)),
    Row("Identity", of(layers.Identity, 6)),
    Row("Masking", computed(lambda x: layers.LSTM(4)(layers.Masking(0.0)(layers.ReLU()(x))), 3, 1)),
)
