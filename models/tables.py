"""Reads a model's examples from a CSV file, which is left in its place."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import DataError
from core.files import sha256
from models.columns import Columns
from models.examples import Value
from models.splits import rows_of, tenths

# Cells that stand for a missing value.
ABSENT = frozenset({"", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None"})
SEED = 7


@dataclass(frozen=True)
class Table:
    """A CSV file in UTF-8 with a header.

    Attributes:
        file: its path.
        digest: its SHA-256, which identifies it.
        separator: the character between two cells.
        headers: the header of each feature's column, including those to predict.
        labels: the texts of the label column, in the order of the classes; not needed where the
            columns have ``targets``.
    """

    file: Path
    digest: str
    separator: str
    headers: Mapping[str, str]
    labels: tuple[str, ...] = ()

    def verify(self) -> None:
        """Raises DataError unless the file exists and is the one that was inspected."""
        if not self.file.is_file():
            raise DataError(f"{self.file} is missing; its path is set in the model's data.py")
        got = sha256(self.file)
        if got != self.digest:
            raise DataError(
                f"{self.file} changed: its SHA-256 is {got}. Check whether schema.pbtxt still "
                "describes the data, then write this SHA-256 into the model's data.py"
            )

    def examples(
        self, columns: Columns, split: str, limit: int | None
    ) -> Iterator[dict[str, Value]]:
        """Yields at most ``limit`` rows of a split. Raises the same error as verify()."""
        self.verify()
        with self.file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter=self.separator)
            reader.fieldnames = [title.strip() for title in reader.fieldnames or ()]
            rows = list(reader)
        targets = {target.feature: target.labels for target in columns.targets} or {
            columns.label: self.labels
        }
        # Rows without a true answer cannot be used for training or evaluation.
        rows = [row for row in rows if all(self._known(row, *each) for each in targets.items())]
        first, classes = next(iter(targets.items()))
        answers = [row[self.headers[first]].strip() for row in rows]
        alike = answers if classes else tenths([float(answer) for answer in answers])
        for place in rows_of(split, alike, test=0.2, watch=0.1, seed=SEED)[:limit]:
            yield self._example(columns, targets, rows[place])

    def _known(self, row: Mapping[str, str], name: str, classes: tuple[str, ...]) -> bool:
        cell = row[self.headers[name]].strip()
        return cell in classes if classes else cell not in ABSENT

    def _example(
        self, columns: Columns, targets: Mapping[str, tuple[str, ...]], row: Mapping[str, str]
    ) -> dict[str, Value]:
        cells = {name: row[header].strip() for name, header in self.headers.items()}
        numbers = {
            name: None if cells[name] in ABSENT else float(cells[name]) for name in columns.numbers
        }
        texts = {name: None if cells[name] in ABSENT else cells[name] for name in columns.texts}
        answers = {
            name: classes.index(cells[name]) if classes else float(cells[name])
            for name, classes in targets.items()
        }
        return {**numbers, **texts, **answers}
