"""Prices of diamonds, read from the table in PyPI's package plotnine."""

import csv
from collections.abc import Iterator
from pathlib import Path

from models.diamonds.columns import COLUMNS
from models.examples import Value
from models.sources.wheels import Wheel
from models.splits import rows_of, tenths

TABLE = "diamonds.csv"
SOURCE = Wheel(
    package="plotnine",
    version="0.15.9",
    digest="36f4526235b3ddd9ea379dd677093ea2ee1b58ab98adec1bde891930283448cd",
    files={
        f"plotnine/data/{TABLE}": (
            "9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4"
        )
    },
)
# The measurements of a stone, in millimetres. Some stones have a 0, and three have 31.8 or 58.9 in
# one direction and less than a sixth of that in another. Such values count as missing.
MEASURED, LARGEST = ("x", "y", "z"), 15.0
# Of each tenth of the prices, one stone in five is for the test split, one in ten for the
# evaluation split.
SHARES = {"test": 0.2, "watch": 0.1}
SPLIT_SEED = 2008


def fetch(cache: Path) -> None:
    """Puts the table into ``cache``. Raises DataError when it cannot be fetched or differs."""
    SOURCE.fetch(cache)


def examples(cache: Path, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
    """Yields the split's stones: their columns, None for a missing value, and ``price``.

    The 146 rows that repeat an earlier one are left out, so that no stone is in two splits.

    Args:
        cache: the folder that ``fetch`` filled.
        split: ``train``, ``eval`` or ``test``.
        limit: the maximum number to yield; None yields all.

    Raises:
        DataError: the table is missing or is not the published one.
    """
    SOURCE.verify(cache)
    with (cache / TABLE).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    rows = [dict(zip(header, line, strict=True)) for line in dict.fromkeys(map(tuple, lines))]
    prices = [float(row["price"]) for row in rows]
    for place in rows_of(split, tenths(prices), **SHARES, seed=SPLIT_SEED)[:limit]:
        yield _example(rows[place])


def _example(row: dict[str, str]) -> dict[str, Value]:
    numbers = {name: float(row[name]) for name in COLUMNS.numbers}
    measured = {name: numbers[name] if 0 < numbers[name] <= LARGEST else None for name in MEASURED}
    texts = {name: row[name] for name in COLUMNS.texts}
    return {**numbers, **measured, **texts, "price": float(row["price"])}
