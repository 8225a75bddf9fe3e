"""The verdict on a runtime's answers to extreme inputs."""

from collections.abc import Iterator, Mapping

import numpy as np

from core.agreement.bounds import Bound
from core.agreement.golden import Golden
from core.arrays import Array
from models.roles.role import size_of

# Sums of the largest values lose about this much more to rounding than ordinary ones.
FACTOR = 10


def extreme_violations(outputs: Mapping[str, Array], golden: Golden, bound: Bound) -> list[str]:
    """Returns what is wrong with the answers to the golden set's extreme inputs, in words.

    Every answer must be finite, as the SavedModel's are. Answers with a bound for single outputs
    must also keep FACTOR times that bound, relative to the size of the outputs. Quantised variants
    have ranges that were learnt from ordinary inputs, so theirs may differ.

    Args:
        outputs: each output's answers to all of ``golden``; the last ``golden.extremes`` are looked
            at.
    """
    return [
        violation
        for name, values in outputs.items()
        for violation in _violations(values, golden, golden.outputs[name], bound)
    ]


def _violations(outputs: Array, golden: Golden, right: Array, bound: Bound) -> Iterator[str]:
    count = len(golden) - golden.extremes
    ordinary = size_of(right[:count])
    limit = bound.largest if bound.absolute is None else bound.absolute
    for row in range(count, len(golden)):
        expected = right[row]
        if not np.isfinite(outputs[row]).all():
            yield (
                f"NaN or infinite at an extreme input ({_described(golden, row)}), to which the "
                "SavedModel has a finite answer"
            )
        elif limit is not None:
            difference = float(np.abs(outputs[row].astype(np.float64) - expected).max())
            relative = difference / max(ordinary, size_of(expected))
            if relative > limit * FACTOR:
                yield (
                    f"difference {relative:.2g} of the largest output at an extreme input "
                    f"({_described(golden, row)}) is above {limit * FACTOR:g}"
                )


def _described(golden: Golden, row: int) -> str:
    parts = []
    for name, values in golden.inputs.items():
        different = np.unique(values[row])
        ends = [different[0], different[-1]] if len(different) > 1 else [different[0]]
        parts.append(f"{name} = {' to '.join(str(value) for value in ends)}")
    return ", ".join(parts)
