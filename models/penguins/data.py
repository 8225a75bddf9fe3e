"""The Palmer penguins, read from the table in PyPI's package palmerpenguins."""

import csv
from collections.abc import Iterator
from pathlib import Path

from models.examples import Value
from models.penguins.columns import COLUMNS, LABELS
from models.sources.wheels import Wheel
from models.splits import rows_of

TABLE = "penguins.csv"
SOURCE = Wheel(
    package="palmerpenguins",
    version="0.1.6",
    digest="5c3be9af84dd703a25f1aaeadeac6ac770cfd38c1620d00089f581c023129ee0",
    files={
        f"palmerpenguins/data/{TABLE}": (
            "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93"
        )
    },
)
ABSENT = "NA"
# Of each species, one penguin in three is for the test split, one in six for the evaluation split.
SHARES = {"test": 1 / 3, "watch": 1 / 6}
SPLIT_SEED = 2007


def fetch(cache: Path) -> None:
    """Puts the table into ``cache``. Raises DataError when it cannot be fetched or differs."""
    SOURCE.fetch(cache)


def examples(cache: Path, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
    """Yields the split's penguins: their columns, None for a missing value, and ``label``.

    Args:
        cache: the folder that ``fetch`` filled.
        split: ``train``, ``eval`` or ``test``.
        limit: the maximum number to yield; None yields all.

    Raises:
        DataError: the table is missing or is not the published one.
    """
    SOURCE.verify(cache)
    with (cache / TABLE).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    species = [row["species"] for row in rows]
    for place in rows_of(split, species, **SHARES, seed=SPLIT_SEED)[:limit]:
        yield _example(rows[place])


def _example(row: dict[str, str]) -> dict[str, Value]:
    numbers = {name: None if row[name] == ABSENT else float(row[name]) for name in COLUMNS.numbers}
    texts = {name: None if row[name] == ABSENT else row[name] for name in COLUMNS.texts}
    return {**numbers, **texts, "label": LABELS.index(row["species"])}
