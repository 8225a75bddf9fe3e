"""Layers that turn categories, texts and sounds into numbers."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from tests.compatibility.row import Numbers, Row, Words, computed, family, joined, of

_ANIMALS = ("ant", "bee", "cat", "dog", "eel")
_WORDS = {"x": Words((*_ANIMALS, "unheard of"))}
_SENTENCES = {"x": Words(("a cat", "The dog!", "a bee, a cat", "eel", "dog cat bee ant"))}
_IDS = {"x": Numbers(0, 5)}


def _text(**options: Any) -> Callable[[], Any]:
    return lambda: layers.TextVectorization(vocabulary=["a", "the", *_ANIMALS], **options)


ROWS = family(
    "Preprocessing",
    Row(
        "CategoryEncoding multi_hot", of(lambda: layers.CategoryEncoding(6), 4, dtype="int32"), _IDS
    ),
    Row(
        "CategoryEncoding one_hot",
        of(lambda: layers.CategoryEncoding(6, "one_hot"), 1, dtype="int32"),
        _IDS,
    ),
    Row(
        "CategoryEncoding count",
        of(lambda: layers.CategoryEncoding(6, "count"), 4, dtype="int32"),
        _IDS,
    ),
    Row(
        "CategoryEncoding one_hot + Dense",
        computed(
            lambda x: layers.Dense(4)(layers.CategoryEncoding(6, "one_hot")(x)), 1, dtype="int32"
        ),
        _IDS,
        classes=True,
    ),
    Row("Discretization", of(lambda: layers.Discretization([-1.0, 0.0, 0.5, 1.5]), 3)),
    Row("Hashing", of(lambda: layers.Hashing(16), 3, dtype="string"), _WORDS),
    Row(
        "StringLookup",
        of(lambda: layers.StringLookup(vocabulary=list(_ANIMALS)), 3, dtype="string"),
        _WORDS,
    ),
    Row(
        "StringLookup one_hot",
        of(
            lambda: layers.StringLookup(vocabulary=list(_ANIMALS), output_mode="one_hot"),
            1,
            dtype="string",
        ),
        _WORDS,
    ),
    Row(
        "StringLookup + Embedding",
        computed(
            lambda x: layers.Embedding(6, 4)(layers.StringLookup(vocabulary=list(_ANIMALS))(x)),
            3,
            dtype="string",
        ),
        _WORDS,
    ),
    Row(
        "IntegerLookup",
        of(lambda: layers.IntegerLookup(vocabulary=[3, 5, 8, 13]), 3, dtype="int64"),
        {"x": Numbers(3, 14)},
    ),
    Row("TextVectorization", of(_text(output_sequence_length=4), 1, dtype="string"), _SENTENCES),
    Row(
        "HashedCrossing",
        joined(lambda a, b: layers.HashedCrossing(16)((a, b)), (1,), (1,), dtype="string"),
        {"a": _WORDS["x"], "b": _WORDS["x"]},
    ),
    Row(
        "STFTSpectrogram",
        of(
            lambda: layers.STFTSpectrogram(
                mode="magnitude", frame_length=32, frame_step=16, fft_length=32
            ),
            128,
            1,
        ),
    ),
    Row(
        "MelSpectrogram",
        of(
            lambda: layers.MelSpectrogram(
                fft_length=64,
                sequence_stride=32,
                sampling_rate=8000,
                num_mel_bins=8,
                min_freq=100.0,
                max_freq=3500.0,
            ),
            256,
        ),
    ),
    Row(
        "ops.stft",
        computed(lambda x: keras.ops.concatenate(keras.ops.stft(x, 16, 8, 16), axis=-1), 64),
    ),
)
