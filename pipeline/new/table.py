"""Examines a CSV file: the content of its columns, its label, and its errors."""

import csv
import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from models.tables import ABSENT

MAX_ROWS = 200_000
MAX_BYTES = 200 << 20
MIN_ROWS = 50
MIN_OF_A_CLASS = 5
MAX_CLASSES = 200
# A text column with more different values than this is a name or prose, not a category.
MAX_CATEGORIES = 100
SEPARATORS = ",;\t|"
LABEL_NAMES = ("label", "class", "target", "species", "category", "outcome", "y")
# A column with more than this share of numbers is meant to be numeric.
MOSTLY = 0.5


@dataclass(frozen=True)
class Column:
    """The content of a column.

    Attributes:
        header: its name in the file.
        name: the feature's name.
        values: the values that are present, as texts.
        present: the share of rows that have a value.
        numbers: the same values as numbers; None for a column of texts.
    """

    header: str
    name: str
    values: tuple[str, ...]
    present: float
    numbers: tuple[float, ...] | None


@dataclass(frozen=True)
class TableFacts:
    """The facts about a CSV file.

    Attributes:
        file: the CSV file.
        separator: the character between cells.
        columns: the columns that the network takes.
        label: the header of the label's column.
        labels: its different values, with numbers by size and texts in alphabetical order.
        left_out: header and reason of each column that is left out.
        rows: the number of rows with a label.
        majority: the share of the largest class.
    """

    file: Path
    separator: str
    columns: tuple[Column, ...]
    label: str
    labels: tuple[str, ...]
    left_out: dict[str, str]
    rows: int
    majority: float


def look(file: Path, label: str | None) -> TableFacts:
    """Returns the facts about a CSV file. Raises UserError, which says what to fix and where."""
    header, rows, separator = _read(file)
    chosen = _label(file, header, rows, label)
    place = header.index(chosen)
    labels = [row[place] for row in rows if row[place] not in ABSENT]
    counts = Counter(labels)
    _check_classes(file, chosen, counts)
    rows = [row for row in rows if row[place] not in ABSENT]
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    names = {"label"}
    for number, title in enumerate(header):
        if number == place:
            continue
        values = tuple(row[number] for row in rows if row[number] not in ABSENT)
        numbers = _numbers(file, title, values)
        reason = _useless(values, numbers, len(rows))
        if reason:
            left_out[title] = reason
            continue
        name = _feature_name(title, names)
        names.add(name)
        columns.append(Column(title, name, values, len(values) / len(rows), numbers))
    if not columns:
        reasons = "; ".join(f"{title!r}: {reason}" for title, reason in left_out.items())
        raise UserError(f"{file} must have a column to learn from, got none: {reasons}")
    return TableFacts(
        file=file.resolve(),
        separator=separator,
        columns=tuple(columns),
        label=chosen,
        labels=tuple(_ordered(list(counts))),
        left_out=left_out,
        rows=len(rows),
        majority=max(counts.values()) / len(rows),
    )


def _read(file: Path) -> tuple[list[str], list[list[str]], str]:
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


def _label(file: Path, header: list[str], rows: list[list[str]], label: str | None) -> str:
    if label is not None:
        if label not in header:
            raise UserError(f"{file} has no column {label!r}; it has: {', '.join(header)}")
        return label
    for title in header:
        if title.lower() in LABEL_NAMES:
            return title
    few = [
        title
        for place, title in enumerate(header)
        if 1 < len({row[place] for row in rows}) <= min(20, len(rows) // MIN_OF_A_CLASS)
    ]
    hint = f"; columns with few different values: {', '.join(few)}" if few else ""
    raise UserError(
        f"{file} has no column named {', '.join(LABEL_NAMES[:-1])} or {LABEL_NAMES[-1]}; name the "
        f"label's column with --label COLUMN{hint}"
    )


def _check_classes(file: Path, label: str, counts: Counter[str]) -> None:
    if len(counts) < 2:
        raise UserError(
            f"{file}: the label {label!r} must have at least two classes, "
            f"got {', '.join(counts) or 'none'}"
        )
    if len(counts) > MAX_CLASSES:
        raise UserError(
            f"{file}: the label {label!r} must have at most {MAX_CLASSES} classes, got "
            f"{len(counts)} different values; it may be a number to predict, or the wrong column"
        )
    rare = {name: count for name, count in counts.items() if count < MIN_OF_A_CLASS}
    if rare:
        shown = ", ".join(f"{name} ({count})" for name, count in list(rare.items())[:5])
        raise UserError(
            f"{file}: each class of {label!r} must have at least {MIN_OF_A_CLASS} rows, but "
            f"{len(rare)} of {len(counts)} have fewer: {shown}; leave these out, or name another "
            "--label"
        )


def _numbers(file: Path, title: str, values: tuple[str, ...]) -> tuple[float, ...] | None:
    numbers: list[float] = []
    odd = ""
    for value in values:
        number = _number(value)
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


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e30 else None


def _useless(values: tuple[str, ...], numbers: tuple[float, ...] | None, rows: int) -> str:
    different = len(set(values))
    if not values:
        return "it is empty"
    if different == 1 and len(values) == rows:
        return "it has the same value in every row"
    if numbers is None and different > min(MAX_CATEGORIES, rows // 2):
        return f"it has {different} different texts, so it holds names or prose, not categories"
    return ""


def _feature_name(title: str, taken: set[str]) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "column"
    if name[0].isdigit():
        name = f"column_{name}"
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique


def _ordered(labels: list[str]) -> list[str]:
    numbers = [_number(label) for label in labels]
    if None in numbers:
        return sorted(labels)
    return [label for _, label in sorted(zip(numbers, labels, strict=True))]
