"""All rows of the compatibility table, by family."""

from fnmatch import fnmatch

from core.errors import UserError
from tests.compatibility.row import Row
from tests.compatibility.rows import (
    activations,
    attention,
    convolutions,
    dense,
    merging,
    networks,
    normalisation,
    operations,
    pictures,
    pooling,
    preprocessing,
    recurrent,
    shapes,
    training_only,
    types,
)

ROWS: tuple[Row, ...] = (
    *dense.ROWS,
    *convolutions.ROWS,
    *pooling.ROWS,
    *normalisation.ROWS,
    *activations.ROWS,
    *recurrent.ROWS,
    *attention.ROWS,
    *merging.ROWS,
    *shapes.ROWS,
    *preprocessing.ROWS,
    *pictures.ROWS,
    *operations.ROWS,
    *types.ROWS,
    *training_only.ROWS,
    *networks.ROWS,
)


def named(name: str) -> Row:
    """Returns a row. Raises UserError when there is none of that name."""
    for row in ROWS:
        if row.name == name:
            return row
    raise UserError(f"unknown row {name!r}; python -m tests.compatibility --list prints them")


def matching(patterns: list[str]) -> list[Row]:
    """Returns the rows whose names match any of the patterns, in the table's order.

    Raises UserError when a pattern matches no row.
    """
    for pattern in patterns:
        if not any(_matches(row, pattern) for row in ROWS):
            raise UserError(
                f"no row matches {pattern!r}; python -m tests.compatibility --list prints them"
            )
    return [row for row in ROWS if not patterns or any(_matches(row, each) for each in patterns)]


def _matches(row: Row, pattern: str) -> bool:
    return row.name == pattern or fnmatch(row.name, pattern)
