"""How many examples of a model are made up, so that small ones show much and large ones fit."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from pipeline.new.probes import Tried

# The examples of a split have at most so many values, but no split has fewer than the least.
BUDGET, LEAST = 2_500_000, 16
MOST: Mapping[str, int] = {"train": 64, "eval": 16, "test": 128}
# Clients read golden.json whole.
GOLDEN_BYTES, GOLDEN = 2_000_000, 16
# A float32 that is printed as float64, in characters.
FLOAT_BYTES = 22
# The examples of the page's default engine, which takes milliseconds for each.
WEB = 64


@dataclass(frozen=True)
class Sizes:
    """Numbers of examples.

    Attributes:
        splits: of each split.
        golden: of those that a release carries.
    """

    splits: Mapping[str, int]
    golden: int

    @classmethod
    def of(cls, result: Tried) -> "Sizes":
        """Returns the numbers for a model that was tried."""
        inputs = sum(prod(place.shape) for place in result.inputs)
        outputs = sum(prod(answer.output.shape) for answer in result.outputs)
        fitting = max(LEAST, BUDGET // (inputs + outputs))
        one = sum(len(json.dumps(values[:1].tolist())) for values in result.probes.values())
        golden = max(1, min(GOLDEN, GOLDEN_BYTES // (one + outputs * FLOAT_BYTES)))
        return cls({split: min(most, fitting) for split, most in MOST.items()}, golden)

    @property
    def web(self) -> int:
        """Returns the number for the page's default engine."""
        return min(WEB, self.splits["test"])
