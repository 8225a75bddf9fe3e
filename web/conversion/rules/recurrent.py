"""Steps of recurrent layers, which the exporter writes one after the other, in fewer operations.

Each operation takes TensorFlow.js about as long as the product of a small step. The results differ
from the original ones by rounding alone: sums are added up in another order.
"""

from collections.abc import Sequence
from typing import Any

from web.conversion.copies import made_once
from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.fusions import BIAS, fused_operations


def product_of_steps(operation: Operation) -> Tensor | None:
    """Multiplies all steps of a sequence with a kernel at once, and adds the bias.

    Applies if each step is multiplied with this kernel.
    """
    import tensorflow as tf

    step, kernel, *bias = operation.inputs
    fused = operation.kind != "MatMul"
    if fused and fused_operations(operation.node) != [BIAS]:
        return None
    steps = step.op
    if steps.type != "Unpack" or steps.get_attr("axis") or len(steps.outputs) == 1:
        return None
    if step.shape.rank != 2 or step.shape[-1] is None or _flag(operation, "transpose_a"):
        return None
    if any(operation.of(each) is None for each in (kernel, *bias)):
        return None
    if not all(_is_multiplied(each, kernel) for each in steps.outputs):
        return None
    transposed = _flag(operation, "transpose_b")
    [sequence] = steps.inputs
    names = [each.name for each in (sequence, kernel, *bias)]
    products = made_once(f"product {transposed} {names}")
    if not products:
        rows = tf.reshape(sequence, [-1, step.shape[-1]])
        product = tf.matmul(rows, kernel, transpose_b=transposed)
        products += tf.split(_with_bias(product.op, *bias), len(steps.outputs))
    return products[step.value_index]


def bias_of_sum(operation: Operation) -> Tensor | None:
    """Adds the bias of a sum to one of its parts, a product, in the same kernel."""
    import tensorflow as tf

    total, bias = operation.inputs
    if total.op.type != "AddV2" or len(total.consumers()) > 1 or total.shape.rank != 2:
        return None
    # The products of a sequence's steps will become one.
    parts = list(total.op.inputs)
    products = [
        index
        for index, part in enumerate(parts)
        if part.op.type == "MatMul"
        and len(part.consumers()) == 1
        and part.op.inputs[0].op.type != "Unpack"
        and part.shape[-1] == bias.shape[0]
    ]
    if not products or total.dtype != tf.float32:
        return None
    product = parts.pop(products[0])
    return _with_bias(product.op, bias) + parts[0]


def gates(operation: Operation) -> Tensor | None:
    """Computes the sigmoid of most parts of a matrix before it is split."""
    import tensorflow as tf

    [part] = operation.inputs
    split = part.op
    if split.type != "Split" or part.shape.rank != 2:
        return None
    opened = [
        each for each in split.outputs if any(user.type == "Sigmoid" for user in each.consumers())
    ]
    if len(opened) * 2 <= len(split.outputs):
        return None
    axis, whole = split.inputs
    parts = made_once(f"sigmoid {split.name}")
    if not parts:
        parts += tf.split(tf.sigmoid(whole), len(split.outputs), axis)
    return parts[part.value_index]


def single_part(operation: Operation) -> Sequence[Tensor] | None:
    """Cuts a tensor's only part that is used out of it, instead of splitting it."""
    import tensorflow as tf

    axis, whole = operation.constant(0), operation.inputs[1]
    used = [each for each in operation.outputs if each.consumers()]
    if len(used) != 1 or axis is None or whole.shape.rank is None:
        return None
    axis = int(axis) % whole.shape.rank
    width = operation.outputs[0].shape[axis]
    if width is None:
        return None
    size = [-1] * whole.shape.rank
    size[axis] = width
    starts = [
        [0] * axis + [index * width] + [0] * (whole.shape.rank - axis - 1)
        for index in range(len(operation.outputs))
    ]
    return [tf.slice(whole, start, size) for start in starts]


def _flag(operation: Operation, name: str) -> bool:
    # TensorFlow's graph has the parts of a fused operation.
    return bool(operation.node["attr"].get(name, {}).get("b", False))


def _is_multiplied(step: Tensor, kernel: Tensor) -> bool:
    return any(
        user.type == "MatMul" and user.inputs[1].name == kernel.name for user in step.consumers()
    )


def _with_bias(product: Any, *bias: Tensor) -> Tensor:
    """Returns the output of a MatMul, with the bias that TensorFlow.js adds in the same kernel."""
    import tensorflow as tf

    if not bias:
        return product.outputs[0]
    definition = tf.compat.v1.GraphDef()
    node = definition.node.add(name="with_bias", op="_FusedMatMul", input=["x", "kernel", "bias"])
    for name in ("T", "transpose_a", "transpose_b"):
        node.attr[name].CopyFrom(product.node_def.attr[name])
    node.attr["num_args"].i = 1
    node.attr["fused_ops"].list.s.append(BIAS.encode())
    inputs = dict(zip(node.input, (*product.inputs, *bias), strict=True))
    [fused] = tf.import_graph_def(definition, inputs, return_elements=["with_bias:0"], name="fused")
    return fused


WHY = "each operation takes as long as a small product"
RULES = (
    Rule(("MatMul", "_FusedMatMul"), product_of_steps, WHY),
    Rule(("BiasAdd",), bias_of_sum, WHY),
    Rule(("Sigmoid",), gates, WHY),
    Rule(("Split",), single_part, WHY),
)
