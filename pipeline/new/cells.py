"""Reads a CSV file's cells, and says which of them are numbers."""

import csv
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from core.errors import UserError

MAX_ROWS = 200_000
MAX_BYTES = 200 << 20
MIN_ROWS = 50
SEPARATORS = ",;\t|"
# A column with more than this share of numbers is meant to be numeric.
MOSTLY = 0.5


def read(file: Path) -> tuple[list[str], list[list[str]], str]:
    """Returns the header, the rows and the separator. Raises UserError, which says what to fix."""
    if not file.is_file():
        raise UserError(f"{file} is not a file")
    if file.stat().st_size > MAX_BYTES:
        raise UserError(
            f"{file} must have at most {MAX_BYTES >> 20} MiB, got {file.stat().st_size >> 20} MiB; "
            "give a sample of it"
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise UserError(
            f"{file} must be UTF-8, got the byte {error.object[error.start]:#04x} in line {line}; "
            f"convert it: iconv -f LATIN1 -t UTF-8 {file.name} > utf8.csv"
        ) from None
    lines = text.splitlines()
    if not lines:
        raise UserError(f"{file} is empty")
    if len(lines) - 1 > MAX_ROWS:
        raise UserError(
            f"{file} must have at most {MAX_ROWS:,} rows, got {len(lines) - 1:,}; give a sample: "
            f"(head -n 1 {file.name}; tail -n +2 {file.name} | shuf -n {MAX_ROWS}) > sample.csv"
        )
    separator = _separator(file, lines[0])
    return (*_cells(file, text, separator), separator)


def _separator(file: Path, first: str) -> str:
    counts = {each: first.count(each) for each in SEPARATORS}
    best = max(counts, key=lambda each: counts[each])
    if not counts[best]:
        raise UserError(
            f"{file} must have columns separated by comma, semicolon, tab or bar, got the first "
            f"line {first[:60]!r}"
        )
    return best


def _cells(file: Path, text: str, separator: str) -> tuple[list[str], list[list[str]]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    try:
        header = [title.strip() for title in next(reader)]
        rows = []
        for row in reader:
            if not row:
                continue  # an empty line
            if len(row) != len(header):
                raise UserError(
                    f"{file}: every line must have as many cells as the header, {len(header)}, "
                    f"got {len(row)} in line {reader.line_num}"
                )
            rows.append([cell.strip() for cell in row])
    except csv.Error as error:
        raise UserError(f"{file}, line {reader.line_num}: {error}") from None
    if len(set(header)) != len(header) or "" in header:
        double = [title for title, count in Counter(header).items() if count > 1 or not title]
        raise UserError(f"{file}: columns must have different, non-empty names, got {double}")
    if len(rows) < MIN_ROWS:
        raise UserError(
            f"{file} must have at least {MIN_ROWS} rows to train and evaluate, got {len(rows)}"
        )
    return header, rows


def numbers_of(file: Path, title: str, values: Sequence[str]) -> tuple[float, ...] | None:
    """Returns a column's values as numbers, or None for a column of texts.

    Raises:
        UserError: most of the values are numbers, but not all.
    """
    numbers: list[float] = []
    odd = ""
    for value in values:
        number = number_of(value)
        if number is None:
            odd = odd or value
        else:
            numbers.append(number)
    if not odd:
        return tuple(numbers)
    if len(numbers) > MOSTLY * len(values):
        raise UserError(
            f"{file}: column {title!r} mixes types: {len(numbers)} of {len(values)} values are "
            f"numbers, but {odd!r} is not a number; fix such values, or leave missing ones empty"
        )
    return None


def number_of(text: str) -> float | None:
    """Returns a cell as a finite number, or None if it is not one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e30 else None
