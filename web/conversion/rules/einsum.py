"""Sums of products in index notation, as matrix products: WebAssembly has no kernel Einsum."""

from collections.abc import Sequence

from web.conversion.graph_model import Tensor
from web.conversion.operation import Operation, Rule
from web.conversion.rules.shapes import dimensions, product, reshaped


def einsum(operation: Operation) -> Tensor | None:
    """Returns the result from transpositions, sums, one matrix product, and reshapes.

    Does not apply to more than two operands, nor to an index twice in one operand.
    """
    import tensorflow as tf

    inputs, result = operation.attribute("equation").decode().replace(" ", "").split("->")
    operands = list(zip(operation.inputs, inputs.split(","), strict=True))
    if len(operands) > 2 or any(tensor.shape.rank is None for tensor, _ in operands):
        return None
    named = [(tensor, _named(indices, tensor.shape.rank)) for tensor, indices in operands]
    result = _named(result, operation.outputs[0].shape.rank or _rank(result, named))
    if any(len(set(indices)) != len(indices) for _, indices in [*named, (None, result)]):
        return None
    # What only one operand has, and the result does not, is summed there.
    summed = [
        _summed(tensor, indices, _kept(number, named, result))
        for number, (tensor, indices) in enumerate(named)
    ]
    if len(summed) == 1:
        [(tensor, indices)] = summed
        return _transposed(tensor, indices, result)
    (left, left_indices), (right, right_indices) = summed
    shared = [index for index in left_indices if index in right_indices]
    batch = [index for index in shared if index in result]
    inner = [index for index in shared if index not in result]
    rows = [index for index in left_indices if index not in shared]
    columns = [index for index in right_indices if index not in shared]
    left_sizes = dict(zip(left_indices, dimensions(left), strict=True))
    right_sizes = dict(zip(right_indices, dimensions(right), strict=True))
    if any(
        1 in (left_sizes[index], right_sizes[index]) and left_sizes[index] != right_sizes[index]
        for index in shared
    ):
        return None  # a size of 1 that is repeated
    sizes = {**right_sizes, **left_sizes}
    sizes.update(
        {index: right_sizes[index] for index in shared if isinstance(right_sizes[index], int)}
    )

    def flat(groups: Sequence[Sequence[str]]) -> list[int | Tensor]:
        return [
            *(sizes[index] for index in batch),
            *(product([sizes[i] for i in group]) for group in groups),
        ]

    left = _transposed(left, left_indices, [*batch, *rows, *inner])
    right = _transposed(right, right_indices, [*batch, *inner, *columns])
    if len(rows) != 1 or len(inner) != 1:
        left = reshaped(left, flat([rows, inner]))
    if len(inner) != 1 or len(columns) != 1:
        right = reshaped(right, flat([inner, columns]))
    answer = tf.matmul(left, right)
    order = [*batch, *rows, *columns]
    if len(rows) != 1 or len(columns) != 1:
        answer = reshaped(answer, [sizes[index] for index in order])
    return _transposed(answer, order, result)


def _named(indices: str, rank: int) -> list[str]:
    """Returns a name for each dimension; those behind an ellipsis get numbers, from the right."""
    if "..." not in indices:
        return list(indices)
    before, after = indices.split("...")
    number = rank - len(before) - len(after)
    return [*before, *(str(position) for position in reversed(range(number))), *after]


def _rank(result: str, named: Sequence[tuple[Tensor, Sequence[str]]]) -> int:
    numbers = max(sum(index.isdigit() for index in indices) for _, indices in named)
    return len(result.replace("...", "")) + (numbers if "..." in result else 0)


def _kept(
    number: int, named: Sequence[tuple[Tensor, Sequence[str]]], result: Sequence[str]
) -> set[str]:
    others = [
        index for other, (_, indices) in enumerate(named) if other != number for index in indices
    ]
    return {*result, *others}


def _summed(tensor: Tensor, indices: Sequence[str], kept: set[str]) -> tuple[Tensor, list[str]]:
    import tensorflow as tf

    axes = [axis for axis, index in enumerate(indices) if index not in kept]
    if axes:
        tensor = tf.reduce_sum(tensor, axes)
    return tensor, [index for index in indices if index in kept]


def _transposed(tensor: Tensor, indices: Sequence[str], order: Sequence[str]) -> Tensor:
    import tensorflow as tf

    if list(indices) == list(order):
        return tensor
    return tf.transpose(tensor, [list(indices).index(index) for index in order])


RULES = (Rule(("Einsum",), einsum, "WebAssembly has no kernel for Einsum, which attention uses"),)
