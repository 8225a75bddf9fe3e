"""Pooling in three dimensions."""

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped


def max_pool_3d(operation: Operation) -> Tensor | None:
    """Pools each layer of the volume, then along its depth."""
    import tensorflow as tf

    [x] = operation.inputs
    if operation.attribute("data_format") != b"NDHWC" or x.shape.rank != 5:
        return None
    window, strides = operation.attribute("ksize"), operation.attribute("strides")
    padding = operation.attribute("padding").decode()
    batch, depth, *layer = dimensions(x)
    layers = reshaped(x, [product([batch, depth]), *layer])
    layers = tf.nn.max_pool2d(layers, window[2:4], strides[2:4], padding)
    height, width, channels = dimensions(layers)[1:]
    columns = reshaped(layers, [batch, depth, product([height, width]), channels])
    columns = tf.nn.max_pool2d(columns, [window[1], 1], [strides[1], 1], padding)
    return reshaped(columns, [batch, dimensions(columns)[1], height, width, channels])


RULES = (
    Rule(
        ("MaxPool3D",), max_pool_3d, "WebAssembly starts from a positive number, not from -infinity"
    ),
)
