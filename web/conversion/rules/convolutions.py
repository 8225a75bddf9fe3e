"""Convolutions that the kernels do not compute, and transposed ones that they get wrong."""

import numpy as np

from web.conversion.graph_model import Array, Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped


def grouped(operation: Operation) -> Tensor | None:
    """Convolves each group of channels on its own."""
    import tensorflow as tf

    x, kernel = operation.inputs[:2]
    weights = operation.constant(1)
    groups = groups_of(x, kernel)
    if groups == 1 or weights is None or operation.attribute("data_format") != b"NHWC":
        return None
    options = {
        "strides": operation.attribute("strides"),
        "padding": _padding(operation),
        "dilations": operation.attribute("dilations"),
    }
    if weights.shape[2] == 1:
        # (height, width, 1, groups * outputs) to (height, width, groups, outputs)
        apart = weights.reshape(*weights.shape[:2], groups, -1)
        options["dilations"] = options["dilations"][1:3]
        return tf.nn.depthwise_conv2d(x, apart, **options)
    pairs = zip(tf.split(x, groups, -1), np.split(weights, groups, -1), strict=True)
    return tf.concat([tf.nn.conv2d(part, own, **options) for part, own in pairs], -1)


def groups_of(x: Tensor, kernel: Tensor) -> int:
    """Returns into how many groups a convolution's kernel divides the channels."""
    channels, own = x.shape[-1], kernel.shape[2]
    return channels // own if channels and own else 1


def dilated_transposed(operation: Operation) -> Tensor | None:
    """Spreads the kernel with zeros instead of dilating it."""
    import tensorflow as tf

    dilations = operation.attribute("dilations")
    weights = operation.constant(1)
    if max(dilations) == 1 or weights is None:
        return None
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=operation.inputs[0],
        filter=tf.constant(_spread(weights, dilations[1:3])),
        out_backprop=operation.inputs[2],
        strides=operation.attribute("strides"),
        padding=operation.attribute("padding").decode(),
        explicit_paddings=operation.attribute("explicit_paddings"),
    )


def transposed_3d(operation: Operation) -> Tensor | None:
    """Convolves the input, spread with zeros, with the kernel turned round.

    This is the definition of a transposed convolution.
    """
    import tensorflow as tf

    sizes, weights = operation.constant(0), operation.constant(1)
    x = operation.inputs[2]
    strides = operation.attribute("strides")[1:4]
    known = operation.outputs[0].shape[1:4].as_list() if sizes is None else list(sizes[1:4])
    rank_known = x.shape.rank == 5 and None not in x.shape[1:].as_list() and None not in known
    if weights is None or not rank_known or max(operation.attribute("dilations")) > 1:
        return None
    for axis, stride in enumerate(strides):
        length, extent = x.shape[axis + 1], weights.shape[axis]
        spread = (length - 1) * stride + 1
        before = extent - 1
        if operation.attribute("padding") == b"SAME":
            before -= max(spread - 1 + extent - known[axis], 0) // 2
        behind = known[axis] + extent - 1 - spread - before
        x = _spread_tensor(x, axis + 1, stride, (before, behind))
    turned = np.ascontiguousarray(weights[::-1, ::-1, ::-1].transpose(0, 1, 2, 4, 3))
    return tf.nn.conv3d(x, turned, [1] * 5, "VALID")


def _spread_tensor(x: Tensor, axis: int, stride: int, border: tuple[int, int]) -> Tensor:
    """Returns the tensor with zeros between its elements, and before and behind them."""
    import tensorflow as tf

    outer, length, inner = dimensions(x)[:axis], x.shape[axis], dimensions(x)[axis + 1 :]
    places = np.full((length - 1) * stride + 1, length, np.int32)
    places[::stride] = np.arange(length)
    places = np.pad(places, border, constant_values=length)
    # With three axes: WebGL cannot pad five.
    rows = reshaped(x, [product(outer), length, product(inner)])
    rows = tf.gather(tf.pad(rows, [(0, 0), (0, 1), (0, 0)]), places, axis=1)
    return reshaped(rows, [*outer, len(places), *inner])


def _spread(weights: Array, dilations: list[int]) -> Array:
    height, width = (
        (size - 1) * dilation + 1 for size, dilation in zip(weights.shape, dilations, strict=False)
    )
    spread = np.zeros((height, width, *weights.shape[2:]), weights.dtype)
    spread[:: dilations[0], :: dilations[1]] = weights
    return spread


def _padding(operation: Operation) -> str | list[list[int]]:
    padding = operation.attribute("padding").decode()
    if padding != "EXPLICIT":
        return str(padding)
    borders: list[list[int]] = np.reshape(operation.attribute("explicit_paddings"), (4, 2)).tolist()
    return borders


RULES = (
    Rule(("Conv2D",), grouped, "convolutions cannot have groups"),
    Rule(("Conv2DBackpropInput",), dilated_transposed, "transposed convolutions ignore dilations"),
    Rule(("Conv3DBackpropInputV2",), transposed_3d, "there is no transposed convolution in 3-D"),
)
