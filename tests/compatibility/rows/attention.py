"""Attention, causal, masked and not."""

from typing import Any

import keras
from keras import layers

from tests.compatibility.row import Numbers, Row, computed, family, joined

_TOKENS = (6, 8)


def _masked(ids: Any) -> Any:
    x = layers.Embedding(12, 8, mask_zero=True)(ids)
    return layers.MultiHeadAttention(2, 4)(x, x)


ROWS = family(
    "Attention",
    Row("MultiHeadAttention", computed(lambda x: layers.MultiHeadAttention(2, 4)(x, x), *_TOKENS)),
    Row(
        "MultiHeadAttention causal",
        computed(lambda x: layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True), *_TOKENS),
    ),
    Row(
        "MultiHeadAttention over a mask", computed(_masked, 6, dtype="int32"), {"x": Numbers(0, 11)}
    ),
    Row(
        "MultiHeadAttention of two inputs",
        joined(layers.MultiHeadAttention(2, 4), (4, 8), (6, 8)),
    ),
    Row(
        "GroupQueryAttention",
        computed(lambda x: layers.GroupQueryAttention(4, 4, 2)(x, x), *_TOKENS),
    ),
    Row("Attention", joined(lambda a, b: layers.Attention()([a, b]), (4, 8), (6, 8))),
    Row(
        "Attention causal",
        computed(lambda x: layers.Attention()([x, x], use_causal_mask=True), *_TOKENS),
    ),
    Row(
        "AdditiveAttention", joined(lambda a, b: layers.AdditiveAttention()([a, b]), (4, 8), (6, 8))
    ),
    Row(
        "ops.dot_product_attention",
        computed(lambda x: keras.ops.dot_product_attention(x, x * 0.5, x + 1.0), 6, 2, 4),
    ),
)
