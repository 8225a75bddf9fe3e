"""Recurrent networks, masked and not."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from tests.compatibility.row import Numbers, Row, computed, family, of

_STEPS = (8, 3)


def _row(name: str, layer: Callable[[], Any], *covers: str) -> Row:
    return Row(name, of(layer, *_STEPS), covers=covers)


def _scan(x: Any) -> Any:
    steps = keras.ops.transpose(x, (1, 0, 2))
    _, totals = keras.ops.scan(lambda total, step: (total + step, total * step), steps[0], steps)
    return keras.ops.transpose(totals, (1, 0, 2))


ROWS = family(
    "Recurrent",
    _row("LSTM", lambda: layers.LSTM(8)),
    _row("LSTM return_sequences", lambda: layers.LSTM(8, return_sequences=True)),
    _row("LSTM unrolled", lambda: layers.LSTM(8, unroll=True)),
    Row(
        "LSTM stacked",
        computed(lambda x: layers.LSTM(6)(layers.LSTM(8, return_sequences=True)(x)), *_STEPS),
    ),
    _row("LSTM backwards", lambda: layers.LSTM(8, go_backwards=True)),
    _row("GRU", lambda: layers.GRU(8)),
    _row("GRU return_sequences", lambda: layers.GRU(8, return_sequences=True)),
    _row("SimpleRNN", lambda: layers.SimpleRNN(8), "SimpleRNN", "SimpleRNNCell"),
    _row("Bidirectional LSTM", lambda: layers.Bidirectional(layers.LSTM(6)), "Bidirectional"),
    _row(
        "Bidirectional GRU sequences",
        lambda: layers.Bidirectional(layers.GRU(6, return_sequences=True)),
        "Bidirectional",
    ),
    _row("RNN of LSTMCell", lambda: layers.RNN(layers.LSTMCell(8)), "RNN", "LSTMCell"),
    _row("RNN of GRUCell", lambda: layers.RNN(layers.GRUCell(8)), "RNN", "GRUCell"),
    _row(
        "RNN of StackedRNNCells",
        lambda: layers.RNN(layers.StackedRNNCells([layers.SimpleRNNCell(6), layers.GRUCell(5)])),
        "StackedRNNCells",
    ),
    Row("ConvLSTM1D", of(lambda: layers.ConvLSTM1D(4, 3), 4, 8, 2)),
    Row("ConvLSTM2D", of(lambda: layers.ConvLSTM2D(4, 3), 4, 6, 6, 2)),
    Row("ConvLSTM3D", of(lambda: layers.ConvLSTM3D(3, 2), 3, 4, 4, 4, 2)),
    Row(
        "Embedding mask_zero + LSTM",
        computed(
            lambda x: layers.LSTM(8)(layers.Embedding(12, 6, mask_zero=True)(x)), 8, dtype="int32"
        ),
        {"x": Numbers(0, 11)},
    ),
    Row(
        "Embedding mask_zero + GRU",
        computed(
            lambda x: layers.GRU(8)(layers.Embedding(12, 6, mask_zero=True)(x)), 8, dtype="int32"
        ),
        {"x": Numbers(0, 11)},
    ),
    Row(
        "Embedding mask_zero + Bidirectional LSTM",
        computed(
            lambda x: layers.Bidirectional(layers.LSTM(6))(
                layers.Embedding(12, 6, mask_zero=True)(x)
            ),
            8,
            dtype="int32",
        ),
        {"x": Numbers(0, 11)},
    ),
    Row(
        "unknown time dimension: LSTM",
        of(lambda: layers.LSTM(8), None, 3),
        covers=("LSTM",),
        shapes={"x": _STEPS},
    ),
    Row("ops.scan", of(lambda: layers.Lambda(_scan), *_STEPS)),
)
