"""Reads the examples of a model from a CSV file that stays where it is."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError
from core.files import sha256
from models.columns import Columns
from models.examples import Value
from models.splits import rows_of

# What tables hold where a value is missing.
ABSENT = frozenset({"", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"})
SEED = 7


@dataclass(frozen=True)
class Table:
    """A CSV file with a header, UTF-8.

    Attributes:
        file: where it is.
        digest: its SHA-256, by which it is known.
        separator: what stands between two cells.
        headers: each feature's column in the file; ``label`` among them.
        labels: the label column's texts, in the order of the classes.
    """

    file: Path
    digest: str
    separator: str
    headers: Mapping[str, str]
    labels: tuple[str, ...]

    def verify(self) -> None:
        """Raises DataError unless the file is there and is the one that was looked at."""
        if not self.file.is_file():
            raise DataError(f"{self.file} is missing; its place is in the model's data.py")
        got = sha256(self.file)
        if got != self.digest:
            raise DataError(
                f"{self.file} changed: its SHA-256 is {got}. Look whether schema.pbtxt still says "
                "what the data must be, then write the new one into the model's data.py"
            )

    def examples(
        self, columns: Columns, split: str, limit: int | None
    ) -> Iterator[dict[str, Value]]:
        """Yields a split's rows, of which at most ``limit``. Raises DataError as verify() does."""
        self.verify()
        with self.file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter=self.separator))
        label = self.headers[columns.label]
        # Rows without a class teach nothing and judge nothing.
        rows = [row for row in rows if row[label].strip() in self.labels]
        classes = [row[label].strip() for row in rows]
        for place in rows_of(split, classes, test=0.2, watch=0.1, seed=SEED)[:limit]:
            yield self._example(columns, rows[place])

    def _example(self, columns: Columns, row: Mapping[str, str]) -> dict[str, Value]:
        cells = {name: row[header].strip() for name, header in self.headers.items()}
        numbers = {
            name: None if cells[name] in ABSENT else float(cells[name]) for name in columns.numbers
        }
        texts = {name: None if cells[name] in ABSENT else cells[name] for name in columns.texts}
        return {**numbers, **texts, columns.label: self.labels.index(cells[columns.label])}
