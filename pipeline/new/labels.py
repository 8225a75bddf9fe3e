"""Examines the columns to predict: which ones they are, and what kind of answer each one needs."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from models.tables import ABSENT
from pipeline.new.cells import MIN_ROWS, number_of, numbers_of

MIN_OF_A_CLASS = 5
MAX_CLASSES = 200
# Training squares differences of such numbers, as float32.
MAX_NUMBER = 1e15
# A label with more different numbers than this is a number to predict, not a class.
MANY = 20
LABEL_NAMES = ("label", "class", "target", "species", "category", "outcome", "y")
TASKS = ("regression", "binary", "classification")
# A header such as "Body mass (g)" ends with the unit.
_UNIT = re.compile(r"[(\[]([^()\[\]]{1,12})[)\]]$")


@dataclass(frozen=True)
class Label:
    """A column to predict.

    Attributes:
        header: its name in the file.
        role: the role of its output: ``classification``, ``binary`` or ``regression``.
        classes: its different values, with numbers by size and texts in alphabetical order; of a
            binary label the second is the one that counts as yes. Empty for a number.
        values: its values; numbers for a regression, otherwise texts.
        asked: whether the user named the task.
        name: the name of the feature that holds it.
        output: the name of the output that predicts it.
    """

    header: str
    role: str
    classes: tuple[str, ...]
    values: tuple[float | str, ...]
    asked: bool
    name: str = ""
    output: str = ""

    @property
    def unit(self) -> str:
        """Returns the unit in the header of a number; empty where there is none."""
        unit = _UNIT.search(self.header)
        return unit[1].strip() if unit and self.role == "regression" else ""

    @property
    def numbers(self) -> tuple[float, ...]:
        """Returns the values of a regression's label; none of another one."""
        return tuple(map(float, self.values)) if self.role == "regression" else ()

    @property
    def majority(self) -> float:
        """Returns the share of the largest class."""
        return max(Counter(self.values).values()) / len(self.values)


def headers_of(
    file: Path, header: Sequence[str], rows: Sequence[Sequence[str]], asked: Sequence[str]
) -> tuple[str, ...]:
    """Returns the headers of the columns to predict.

    Args:
        asked: the options of the user: a header each, or several separated by commas.

    Raises:
        UserError: a column does not exist, or there is none with a usual name.
    """
    chosen = [
        part
        for option in asked
        # A header may have a comma of its own.
        for part in ([option] if option in header else map(str.strip, option.split(",")))
    ]
    for title in chosen:
        if title not in header:
            raise UserError(f"{file} has no column {title!r}; it has: {', '.join(header)}")
    if chosen:
        return tuple(dict.fromkeys(chosen))
    for title in header:
        if title.lower() in LABEL_NAMES:
            return (title,)
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


def rows_with(
    file: Path, header: Sequence[str], rows: Sequence[list[str]], labels: Sequence[str]
) -> list[list[str]]:
    """Returns the rows that have a value for every label. Raises UserError if they are too few."""
    places = [header.index(label) for label in labels]
    complete = [row for row in rows if all(row[place] not in ABSENT for place in places)]
    if len(complete) < MIN_ROWS:
        named = " and ".join(map(repr, labels))
        raise UserError(
            f"{file} must have at least {MIN_ROWS} rows with a value for the label {named}, got "
            f"{len(complete)} of {len(rows)}"
        )
    return complete


def tasks_of(labels: Sequence[str], asked: Sequence[str]) -> dict[str, str | None]:
    """Returns the task that the user asked for, by header; None where the values decide.

    Raises:
        UserError: there is no such task, or their number does not fit.
    """
    tasks = [part.strip() for option in asked for part in option.split(",")]
    for task in tasks:
        if task not in TASKS:
            raise UserError(f"--task must be one of {', '.join(TASKS)}, got {task!r}")
    if len(tasks) not in {0, 1, len(labels)}:
        raise UserError(
            f"--task must name one task for all labels or one for each of the {len(labels)}, got "
            f"{len(tasks)}"
        )
    if len(tasks) <= 1:
        return dict.fromkeys(labels, tasks[0] if tasks else None)
    return dict(zip(labels, tasks, strict=True))


def examined(file: Path, header: str, values: Sequence[str], task: str | None) -> Label:
    """Returns what is known of a column to predict, without its names.

    Args:
        values: the column's cells; none is missing.
        task: what the user asked for, or None.

    Raises:
        UserError: the values do not suit the task; the message says which task would.
    """
    counts = Counter(values)
    if len(counts) < 2:
        raise UserError(
            f"{file}: the label {header!r} must have at least two classes, or different numbers, "
            f"got only {', '.join(counts)}"
        )
    role = task or _role(file, header, values, counts)
    if role == "regression":
        return Label(header, role, (), _numbers(file, header, values), bool(task))
    if role == "binary" and len(counts) != 2:
        raise UserError(
            f"{file}: --task binary needs a label with two classes, got {len(counts)} in "
            f"{header!r}: {_some(counts)}"
        )
    _check_classes(file, header, counts)
    return Label(header, role, tuple(_ordered(list(counts))), tuple(values), bool(task))


def _role(file: Path, header: str, values: Sequence[str], counts: Mapping[str, int]) -> str:
    if len(counts) == 2:
        return "binary"
    if len(counts) > MANY and numbers_of(file, header, values) is not None:
        return "regression"
    return "classification"


def _numbers(file: Path, header: str, values: Sequence[str]) -> tuple[float, ...]:
    numbers = [number_of(value) for value in values]
    texts = [value for value, number in zip(values, numbers, strict=True) if number is None]
    if texts:
        raise UserError(
            f"{file}: --task regression needs a label of numbers, but {len(texts)} of "
            f"{len(values)} values of {header!r} are not numbers, such as {texts[0]!r}"
        )
    known = tuple(number for number in numbers if number is not None)
    size = max(map(abs, known))
    if size > MAX_NUMBER:
        raise UserError(
            f"{file}: the label {header!r} must have numbers up to {MAX_NUMBER:g}, got {size:g}; "
            "use a larger unit"
        )
    return known


def _check_classes(file: Path, label: str, counts: Mapping[str, int]) -> None:
    numeric = all(number_of(value) is not None for value in counts)
    hint = "; to predict it as a number, use --task regression" if numeric else ""
    if len(counts) > MAX_CLASSES:
        raise UserError(
            f"{file}: the label {label!r} must have at most {MAX_CLASSES} classes, got "
            f"{len(counts)} different values{hint or '; it may be the wrong column'}"
        )
    rare = {name: count for name, count in counts.items() if count < MIN_OF_A_CLASS}
    if rare:
        raise UserError(
            f"{file}: each class of {label!r} must have at least {MIN_OF_A_CLASS} rows, but "
            f"{len(rare)} of {len(counts)} have fewer: {_some(rare)}"
            f"{hint or '; leave these out, or name another --label'}"
        )


def _some(counts: Mapping[str, int]) -> str:
    shown = [f"{name} ({count})" for name, count in list(counts.items())[:5]]
    return ", ".join(shown) + (" …" if len(counts) > 5 else "")


def _ordered(labels: list[str]) -> list[str]:
    numbers = [number_of(label) for label in labels]
    if None in numbers:
        return sorted(labels)
    return [label for _, label in sorted(zip(numbers, labels, strict=True))]
