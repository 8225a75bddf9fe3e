"""What Transform's full pass learns from a table's rows, computed without TFX."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.arrays import Array
from models.columns import Columns


def learnt(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """Returns means, variances and vocabularies by the names that Transform gives them."""
    results: dict[str, Array] = {}
    for name in columns.statistics:
        column, _, kind = name.rpartition("_")
        values = np.array([row[column] for row in rows if row[column] is not None], np.float32)
        results[name] = values.mean() if kind == "mean" else values.var()
    for name in columns.vocabularies:
        words = {row[name].encode() for row in rows if row[name] is not None}
        results[name] = np.array(sorted(words))
    return results
