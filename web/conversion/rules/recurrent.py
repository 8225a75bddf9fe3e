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
        whole = product + bias[0] if bias else product
        products += tf.split(whole, len(steps.outputs))
    return products[step.value_index]


def bias_of_steps(operation: Operation) -> Tensor | None:
    """Adds the bias of each step's sum to the product of all steps, which is one part of it."""
    total, bias = operation.inputs
    if total.op.type != "AddV2" or operation.of(bias) is None:
        return None
    for index, part in enumerate(total.op.inputs):
        steps = part.op
        if steps.type != "Split" or part.shape.rank != 2 or operation.of(steps.inputs[0]) != 0:
            continue
        if all(_is_biased(each, bias) for each in steps.outputs):
            return _biased(steps, bias)[part.value_index] + total.op.inputs[1 - index]
    return None


def product_of_step(operation: Operation) -> Tensor | None:
    """Adds the bias behind the product, if others use the kernel as well, as other steps do."""
    import tensorflow as tf

    if fused_operations(operation.node) != [BIAS]:
        return None
    step, kernel, bias = operation.inputs
    if len(kernel.consumers()) == 1:
        return None
    flags = {name: _flag(operation, name) for name in ("transpose_a", "transpose_b")}
    return tf.matmul(step, kernel, **flags) + bias


def _flag(operation: Operation, name: str) -> bool:
    # TensorFlow's graph has the parts of a fused operation.
    return bool(operation.node["attr"].get(name, {}).get("b", False))


def _is_multiplied(step: Tensor, kernel: Tensor) -> bool:
    return any(
        user.type == "MatMul" and user.inputs[1].name == kernel.name for user in step.consumers()
    )


def _is_biased(step: Tensor, bias: Tensor) -> bool:
    """Returns whether the bias is added to a sum of the step and something else."""
    return any(
        user.type == "BiasAdd" and user.inputs[1].name == bias.name
        for total in step.consumers()
        if total.type == "AddV2"
        for user in total.outputs[0].consumers()
    )


def _biased(steps: Any, bias: Tensor) -> Sequence[Tensor]:
    """Returns the outputs of a tf.Operation of type Split, with the bias."""
    import tensorflow as tf

    parts = made_once(f"biased {steps.name} {bias.name}")
    if not parts:
        axis, whole = steps.inputs
        parts += tf.split(whole + bias, len(steps.outputs), axis)
    return parts


WHY = "each operation takes as long as a small product"
RULES = (
    Rule(("MatMul", "_FusedMatMul"), product_of_steps, WHY),
    Rule(("BiasAdd",), bias_of_steps, WHY),
    Rule(
        ("_FusedMatMul",),
        product_of_step,
        "a product with its bias takes five calls, and two when they are apart",
    ),
)
