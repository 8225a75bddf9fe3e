"""Examines a CSV file: the content of its columns, its labels, and its errors."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import UserError
from models.tables import ABSENT
from pipeline.new import labels
from pipeline.new.cells import numbers_of, read
from pipeline.new.labels import Label

# A text column with more different values than this is a name or prose, not a category.
MAX_CATEGORIES = 100
# The names of a single label's feature and outputs. No input may share them: inputs and outputs are
# layers of one network.
LABEL, CLASSES, CHANCE, NUMBER = "label", "probabilities", "probability", "number"


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
        labels: the columns that it predicts.
        left_out: header and reason of each column that is left out.
        rows: the number of rows with a value for every label.
        unlabelled: the number of other rows, which are not used.
    """

    file: Path
    separator: str
    columns: tuple[Column, ...]
    labels: tuple[Label, ...]
    left_out: dict[str, str]
    rows: int
    unlabelled: int = 0


def look(file: Path, asked: Sequence[str] = (), tasks: Sequence[str] = ()) -> TableFacts:
    """Returns the facts about a CSV file.

    Args:
        asked: the columns to predict, as the user named them; none to choose one by its name.
        tasks: what to predict, one of ``labels.TASKS`` for all or for each label; none to have
            the values decide.

    Raises:
        UserError: the message says what to fix and where.
    """
    header, everything, separator = read(file)
    chosen = labels.headers_of(file, header, everything, asked)
    wanted = labels.tasks_of(chosen, tasks)
    rows = labels.rows_with(file, header, everything, chosen)
    predicted = tuple(
        labels.examined(file, title, [row[header.index(title)] for row in rows], wanted[title])
        for title in chosen
    )
    predicted = _named(predicted)
    names = {LABEL, CLASSES, CHANCE, *(label.output for label in predicted)}
    columns: list[Column] = []
    left_out: dict[str, str] = {}
    for number, title in enumerate(header):
        if title in chosen:
            continue
        present = tuple(row[number] for row in rows if row[number] not in ABSENT)
        numbers = numbers_of(file, title, present)
        reason = _useless(present, numbers, len(rows))
        if reason:
            left_out[title] = reason
            continue
        name = _feature_name(title, names)
        names.add(name)
        columns.append(Column(title, name, present, len(present) / len(rows), numbers))
    if not columns:
        reasons = "; ".join(f"{title!r}: {reason}" for title, reason in left_out.items())
        raise UserError(
            f"{file} must have a column to learn from, got none{': ' if reasons else ''}{reasons}"
        )
    return TableFacts(
        file=file.resolve(),
        separator=separator,
        columns=tuple(columns),
        labels=predicted,
        left_out=left_out,
        rows=len(rows),
        unlabelled=len(everything) - len(rows),
    )


def _named(predicted: tuple[Label, ...]) -> tuple[Label, ...]:
    """Returns the labels with the names of their features and outputs."""
    if len(predicted) == 1:
        [label] = predicted
        number = _feature_name(label.header, set())
        outputs = {
            "classification": CLASSES,
            "binary": CHANCE,
            "regression": NUMBER if number == LABEL else number,
        }
        return (replace(label, name=LABEL, output=outputs[label.role]),)
    named: list[Label] = []
    for label in predicted:
        name = _feature_name(label.header, {each.name for each in named})
        named.append(replace(label, name=name, output=name))
    return tuple(named)


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
