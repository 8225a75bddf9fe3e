"""Resizing and turning pictures."""

from collections.abc import Callable

import numpy as np

from core.agreement.refusal import Refusal, layer_of
from web.conversion.graph_model import Array, Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped
from web.tools import ConversionError

WHY_PROJECTIVE = "the cpu backend only transforms the first picture"


def bicubic(operation: Operation) -> Tensor | None:
    import tensorflow as tf

    size = operation.constant(1)
    options = {name: operation.attribute(name) for name in ("align_corners", "half_pixel_centers")}
    if size is None:
        return None

    def along(axis: int, rows: Array) -> Tensor:
        target = [int(size[axis]), 1]
        return tf.raw_ops.ResizeBicubic(images=rows, size=target, **options)

    return _resized(operation.inputs[0], along)


def scale_and_translate(operation: Operation) -> Tensor | None:
    import tensorflow as tf

    size, scale, translation = (operation.constant(index) for index in (1, 2, 3))
    if size is None or scale is None or translation is None:
        return None

    def along(axis: int, rows: Array) -> Tensor:
        return tf.raw_ops.ScaleAndTranslate(
            images=rows,
            size=[int(size[axis]), 1],
            scale=[float(scale[axis]), 1.0],
            translation=[float(translation[axis]), 0.0],
            kernel_type=operation.attribute("kernel_type").decode(),
            antialias=operation.attribute("antialias"),
        )

    return _resized(operation.inputs[0], along)


def projective(operation: Operation) -> Tensor | None:
    """Makes of all pictures one, with the channels of all of them.

    Raises:
        ConversionError: each picture has a transformation of its own.
    """
    import tensorflow as tf

    images, transforms = operation.inputs[:2]
    if images.shape[0] == 1:
        return None
    if transforms.shape[0] != 1:
        layer = layer_of(operation.node["name"])
        why = f"{WHY_PROJECTIVE}, and each picture has a matrix of its own"
        way_out = "transform all pictures by one matrix, or leave the web target out"
        raise ConversionError(str(Refusal("TensorFlow.js", operation.kind, layer, why, way_out)))
    batch, height, width, channels = dimensions(images)
    one = reshaped(
        tf.transpose(images, [1, 2, 0, 3]), [1, height, width, product([batch, channels])]
    )
    [moved] = operation.again([one, *operation.inputs[1:]])
    _, new_height, new_width, _ = dimensions(moved)
    apart = reshaped(moved, [new_height, new_width, batch, channels])
    return tf.transpose(apart, [2, 0, 1, 3])


def _resized(images: Tensor, along: Callable[[int, Array], Tensor]) -> Tensor | None:
    """Returns the pictures, resized by one matrix product for each axis.

    Resizing is linear, so resizing the rows of an identity matrix gives the matrix. TensorFlow does
    it here, with the operator that the model has.

    Args:
        along: resizes pictures of one column along an axis of the model's pictures.
    """
    import tensorflow as tf

    if images.shape.rank != 4 or None in images.shape[1:].as_list():
        return None
    x = tf.cast(images, tf.float32)
    for axis in (0, 1):
        size = images.shape[axis + 1]
        # In a graph of its own: the matrix is a constant of the model.
        with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
            rows = np.eye(size, dtype=np.float32)[:, :, None, None]
            matrix = session.run(along(axis, rows))[:, :, 0, 0]
        # The resized axis goes to the end, and the other two move forward: after two turns and one
        # more, all are in their place.
        x = tf.transpose(x, [0, 2, 3, 1])
        flat = tf.reshape(x, [-1, size]) @ matrix
        x = tf.reshape(flat, [-1, x.shape[1], x.shape[2], matrix.shape[1]])
    return tf.transpose(x, [0, 2, 3, 1])


RULES = (
    Rule(("ResizeBicubic",), bicubic, "there is no operator ResizeBicubic"),
    Rule(
        ("ImageProjectiveTransformV3",),
        projective,
        WHY_PROJECTIVE,
    ),
    Rule(("ScaleAndTranslate",), scale_and_translate, "there is no antialiasing"),
)
