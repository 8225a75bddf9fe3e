"""Operations of TensorFlow on channels that come first, computed with channels that come last.

TensorFlow.js and TensorFlow Lite know the latter only, for the most part.
"""

from typing import Any

# Which input has the channels, by operator. It is the one whose axes the attributes describe too.
_PICTURES = {
    **dict.fromkeys(("BiasAdd", "Conv2D", "DepthwiseConv2dNative", "Conv3D"), 0),
    **dict.fromkeys(("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"), 0),
    **dict.fromkeys(("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"), 0),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), 0),
    **dict.fromkeys(("Conv2DBackpropInput", "Conv3DBackpropInputV2"), 2),
}
OPERATORS = tuple(_PICTURES)
_FORMATS = {b"NCHW": "NHWC", b"NCDHW": "NDHWC"}
# The input with the shape of the result of a transposed convolution.
_SIZES = "input_sizes"


def come_first(operation: Any) -> bool:
    """Returns whether a ``tf.Operation`` of OPERATORS works on channels that come first."""
    if operation.get_attr("data_format") in _FORMATS:
        return True
    # Where there are as many channels as columns, Keras 3.15 exports the bias of a convolution as
    # one of columns. TensorFlow adds it to the channels, as it fuses the two operations.
    before = operation.inputs[0].op
    return (
        (operation.type, before.type) == ("BiasAdd", "Conv2D")
        and before.get_attr("data_format") in _FORMATS
        and len(before.outputs[0].consumers()) == 1
    )


def moved_last(operation: Any) -> list[Any] | None:
    """Returns tensors equal to the operation's outputs, made in the default graph.

    Args:
        operation: a ``tf.Operation`` for which ``come_first`` is true.

    Returns:
        None if the number of dimensions is not known.
    """
    import tensorflow as tf

    place = _PICTURES[operation.type]
    rank = operation.inputs[place].shape.rank
    if rank is None:
        return None
    if operation.type == "BiasAdd" and rank != len("NCHW"):
        picture, bias = operation.inputs
        return [picture + tf.reshape(bias, [-1] + [1] * (rank - 2))]
    to_last, to_first = [0, *range(2, rank), 1], [0, rank - 1, *range(1, rank - 1)]
    names = [argument.name for argument in operation.op_def.input_arg]
    inputs = dict(zip(names, operation.inputs, strict=True))
    inputs[names[place]] = _turned(operation.inputs[place], to_last)
    if _SIZES in inputs:
        # TensorFlow follows what it knows of them through these operations.
        sizes = inputs[_SIZES]
        inputs[_SIZES] = tf.concat([sizes[:1], sizes[2:], sizes[1:2]], 0)
    attributes = {
        attribute.name: _in_order(operation.get_attr(attribute.name), to_last)
        for attribute in operation.op_def.attr
        if attribute.type != "type"
    }
    attributes["data_format"] = _FORMATS.get(operation.get_attr("data_format"), "NHWC")
    made = getattr(tf.raw_ops, operation.type)(**inputs, **attributes)
    first, *others = tf.nest.flatten(made)
    return [_turned(first, to_first), *others]


def _turned(x: Any, axes: list[int]) -> Any:
    """Returns a transposed tensor; an axis with a single element only appears in its shape.

    The converter of TensorFlow Lite fails if such an axis is transposed and squeezed out, as in
    Conv1D.
    """
    import tensorflow as tf

    shape = x.shape.as_list()
    kept = [axis for axis in axes if axis == 0 or shape[axis] != 1]
    if len(kept) == len(axes) or None in shape[1:]:
        return tf.transpose(x, axes)
    order = [sorted(kept).index(axis) for axis in kept]
    flat = tf.transpose(tf.reshape(x, [-1, *(shape[axis] for axis in sorted(kept)[1:])]), order)
    return tf.reshape(flat, [-1, *(shape[axis] for axis in axes[1:])])


def _in_order(value: Any, axes: list[int]) -> Any:
    """Returns an attribute's value with its numbers, or pairs of numbers, for the axes in order."""
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, list) or not value:
        return value
    each = len(value) // len(axes)
    return [number for axis in axes for number in value[axis * each : (axis + 1) * each]]
