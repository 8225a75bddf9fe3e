"""How far a variant's outputs may be from the SavedModel's, also where a spec does not say it.

Differences are relative to the size of the outputs: a rounding of 1e-4 is nothing in outputs in the
thousands, and everything in outputs below it.
"""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from math import isnan

import numpy as np

from core.arrays import Array
from models.roles.role import size_of
from models.spec import Limits


@dataclass(frozen=True)
class Bound:
    """The largest allowed differences; None leaves one unbounded.

    Attributes:
        largest: of any output, relative to the SavedModel's largest output.
        rms: of all outputs, as root mean square, relative to that of the SavedModel's outputs. It
            suits quantised variants: a single example whose answer is a close call may move far.
        absolute: of any output, as it is.
    """

    largest: float | None = None
    rms: float | None = None
    absolute: float | None = None

    def sentence(self) -> str:
        """Returns the limits in words."""
        parts = [
            (self.largest, "differences of at most {:g} of the largest output"),
            (self.rms, "differences whose root mean square is at most {:g} of the outputs'"),
            (self.absolute, "differences of at most {:g}"),
        ]
        return ", ".join(text.format(limit) for limit, text in parts if limit is not None)


# The same weights in another form of arithmetic, and weights of half precision. All other variants
# hold integers. Measured: the fashion model's float16 file differs by 1.6e-3, its int8 file's root
# mean square by 0.01.
DEFAULTS = {"float32": Bound(largest=1e-4), "float16": Bound(largest=0.02)}
QUANTISED = Bound(rms=0.2)


def bound_of(variant: str, limits: Limits) -> Bound:
    """Returns the limits of a spec, or the variant's own where the spec has none."""
    stated = Bound(limits.max_diff, limits.rms_diff, limits.max_abs_diff)
    return DEFAULTS.get(variant, QUANTISED) if stated == Bound() else stated


@dataclass(frozen=True)
class Differences:
    """The differences between two arrays of outputs; attributes as in Bound."""

    largest: float
    rms: float
    absolute: float

    @classmethod
    def of(cls, outputs: Array, expected: Array) -> "Differences":
        """Returns the differences of finite outputs from finite ones of the same shape."""
        exact = expected.astype(np.float64)
        difference = np.abs(outputs.astype(np.float64) - exact)
        absolute = float(difference.max())
        return cls(
            absolute / size_of(expected),
            float(np.sqrt(np.mean(difference**2)) / (np.sqrt(np.mean(exact**2)) or 1.0)),
            absolute,
        )

    @classmethod
    def largest_of(cls, several: Iterable["Differences"]) -> "Differences":
        """Returns the largest of each figure of several outputs; none of no outputs."""
        figures = list(zip(*(astuple(each) for each in several), strict=True))
        return cls(*(max(figure) for figure in figures)) if figures else cls(0.0, 0.0, 0.0)

    def violations(self, bound: Bound) -> list[str]:
        """Returns what is beyond the limits, in words. A difference that is NaN is beyond them."""
        named = {
            "difference": (self.absolute, bound.absolute),
            "difference relative to the largest output": (self.largest, bound.largest),
            "root mean square of the differences, relative to the outputs'": (self.rms, bound.rms),
        }
        return [
            f"{name} {value:.2g} is above {limit:g}"
            for name, (value, limit) in named.items()
            if limit is not None and (value > limit or isnan(value))
        ]
