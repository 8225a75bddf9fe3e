"""Activation functions, between -10 and 10."""

from collections.abc import Callable
from typing import Any

import keras
from keras import activations, layers

from tests.compatibility.row import Numbers, Row, computed, family, of

WIDE = {"x": Numbers(-10, 10)}


def _row(name: str, function: Callable[[Any], Any] | str | None = None, *covers: str) -> Row:
    return Row(name, of(lambda: layers.Activation(function or name), 8), WIDE, covers=covers)


ROWS = family(
    "Activation",
    Row("relu", of(layers.ReLU, 8), WIDE, covers=("relu", "ReLU")),
    _row("relu6"),
    Row(
        "leaky relu", of(lambda: layers.LeakyReLU(0.2), 8), WIDE, covers=("leaky_relu", "LeakyReLU")
    ),
    Row("PReLU", of(layers.PReLU, 8), WIDE),
    Row("ELU", of(layers.ELU, 8), WIDE, covers=("elu", "ELU")),
    _row("SELU", activations.selu, "selu"),
    _row("gelu exact", activations.gelu, "gelu"),
    _row("gelu approximate", lambda x: activations.gelu(x, approximate=True), "gelu"),
    _row("silu", None, "silu", "swish"),
    _row("mish"),
    _row("softplus"),
    _row("softsign"),
    _row("hard_sigmoid"),
    _row("hard_swish", None, "hard_silu", "hard_swish"),
    _row("exponential"),
    _row("log_softmax"),
    _row("squareplus"),
    _row("celu"),
    _row("glu"),
    Row(
        "Activation tanh",
        of(lambda: layers.Activation("tanh"), 8),
        WIDE,
        covers=("Activation", "tanh"),
    ),
    _row("sigmoid"),
    _row("linear", lambda x: activations.linear(x) * 1.0),
    Row(
        "Softmax",
        of(layers.Softmax, 8),
        {"x": Numbers(-4, 4)},
        covers=("Softmax", "softmax"),
        classes=True,
    ),
    Row(
        "Softmax with large logits",
        of(layers.Softmax, 8),
        {"x": Numbers(-100, 100)},
        covers=("Softmax", "softmax"),
        classes=True,
    ),
    _row("log_sigmoid"),
    Row(
        "log_sigmoid of -100 to 100",
        computed(activations.log_sigmoid, 8),
        {"x": Numbers(-100, 100)},
        covers=("log_sigmoid",),
    ),
    Row(
        "softplus of -100 to 100",
        computed(activations.softplus, 8),
        {"x": Numbers(-100, 100)},
        covers=("softplus",),
    ),
    _row("hard_tanh"),
    _row("hard_shrink"),
    _row("soft_shrink"),
    _row("tanh_shrink"),
    _row("threshold", lambda x: activations.threshold(x, 1.5, 0.25), "threshold"),
    _row("sparse_plus"),
    _row("sparse_sigmoid"),
    _row("sparsemax"),
    Row(
        "ReLU after a product of two matrices",
        computed(
            lambda x: keras.ops.relu(keras.ops.matmul(x, keras.ops.transpose(x, (0, 2, 1)))), 4, 5
        ),
        covers=("relu",),
    ),
)
