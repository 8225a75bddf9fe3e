"""Convolutions whose padding tflite-runtime takes for less than none."""

from typing import Any

import numpy as np

from mobile.conversion.rules.frozen_graph import FrozenGraph

_KINDS = ("Conv2D", "DepthwiseConv2dNative")


def apply(graph: FrozenGraph) -> FrozenGraph:
    """Returns the graph with explicit padding where a "same" convolution steps over pixels.

    Where the steps are larger than the kernel, the last kernel may end before the picture does.
    tflite-runtime then counts the difference as negative padding
    (https://github.com/google-ai-edge/LiteRT/issues/4847).
    """
    return graph.replaced(_KINDS, _padded)


def _padded(operation: Any) -> list[Any] | None:
    import tensorflow as tf

    if operation.get_attr("padding") != b"SAME":
        return None
    x, kernel = operation.inputs
    sizes = np.array(x.shape[1:3].as_list(), float)
    steps = np.array(operation.get_attr("strides")[1:3])
    spread = np.array(operation.get_attr("dilations")[1:3])
    spans = (np.array(kernel.shape[:2]) - 1) * spread + 1
    missing = (np.ceil(sizes / steps) - 1) * steps + spans - sizes
    if np.isnan(missing).any() or not (missing < 0).any():
        return None
    pixels = np.maximum(missing, 0).astype(int).tolist()
    edges = [(count // 2, count - count // 2) for count in pixels]
    padded = tf.pad(x, [(0, 0), *edges, (0, 0)]) if any(pixels) else x
    kinds = {"Conv2D": tf.nn.conv2d, "DepthwiseConv2dNative": tf.nn.depthwise_conv2d}
    return [
        kinds[operation.type](
            padded,
            kernel,
            operation.get_attr("strides"),
            "VALID",
            dilations=spread.tolist(),
        )
    ]
