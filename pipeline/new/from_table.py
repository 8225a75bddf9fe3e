"""Makes a model's folder from a CSV file."""

import math
from collections.abc import Sequence
from pathlib import Path

from core.files import sha256
from models.places import OWN
from models.targets import REGRESSION
from pipeline.new import folder, limits
from pipeline.new.labels import MANY, Label
from pipeline.new.schema import bounds, table_schema
from pipeline.new.table import Column, TableFacts, look

EPOCH_STEPS = 2000
# With fewer rows, two dense layers soon learn the numbers of the training rows by heart: on
# scikit-learn's diabetes (311 rows to train on), R² fell from 0.40 to 0.29 without these two.
SMALL, DROPOUT, PATIENCE = 2000, 0.3, 10
# The longest names of columns that fit into a line.
LONG = 40
# The converter multiplies the last layer's weights by what scales its answers. Above about this,
# they exceed float16's largest number, 65,504.
HALF = 32_000
# R² moves further by chance than a share of right answers.
DROP, NUMBER_DROP = 0.02, 0.05


def create(
    name: str,
    file: Path,
    labels: Sequence[str] = (),
    tasks: Sequence[str] = (),
    models: Path = OWN,
) -> tuple[Path, str]:
    """Returns the new folder and the facts about the table in words; see ``look``.

    Raises:
        UserError: nothing was written; the message says what to fix.
    """
    folder.check_name(name, models)
    facts = look(file, labels, tasks)
    values = _values(name, facts)
    return folder.write(name, "table", values, models), _report(facts)


def missing_number(columns: tuple[Column, ...]) -> float:
    """Returns a whole number, far from every column's values, that stands for a missing one."""
    lowest = min((bounds(column)[0] for column in columns if column.numbers), default=0.0)
    if lowest >= 0:
        return -1.0
    # A power of ten is exact in float32 up to 10^10; above, it is the same float everywhere.
    return -(10.0 ** (math.floor(math.log10(-lowest)) + 1))


def _values(name: str, facts: TableFacts) -> dict[str, str]:
    numbers = tuple(c for c in facts.columns if c.numbers is not None)
    texts = tuple(c for c in facts.columns if c.numbers is None)
    missing = missing_number(numbers)
    batch = 16 if facts.rows < SMALL else 64
    steps = -(-round(facts.rows * 0.7) // batch)
    classes = all(label.role != REGRESSION for label in facts.labels)
    headers = {column.name: column.header for column in (*numbers, *texts)}
    headers |= {label.name: label.header for label in facts.labels}
    by_heart = facts.rows < SMALL and not classes
    titles = " and ".join(label.header for label in facts.labels)
    predicted = titles if len(titles) <= LONG else f"{len(facts.labels)} columns"
    return {
        "name": name,
        "file": facts.file.name,
        "path": folder.path("file", facts.file),
        "digest": sha256(facts.file),
        "separator": folder.literal(facts.separator),
        "numbers": folder.tuple_of(tuple(c.name for c in numbers), 8),
        "texts": folder.tuple_of(tuple(c.name for c in texts), 8),
        "missing": repr(missing),
        "targets": "\n".join(map(_target, facts.labels)),
        "headers": folder.dict_of(headers, 8),
        "descriptions": folder.dict_of({c.name: c.header for c in (*numbers, *texts)}, 12),
        "ranges": folder.dict_of({c.name: bounds(c) for c in numbers}, 12),
        "description": folder.literal(f"Predicts {predicted} from the other columns of a table."),
        "part": "class" if facts.labels[0].classes else "tenth of the sorted numbers",
        "slices": '("label",)' if classes and len(facts.labels) == 1 else "()",
        "rows": f"{facts.rows:,}",
        "baseline": f"{min(map(_baseline, facts.labels))}",
        "baseline_of": (
            "always predicting the largest class reaches this"
            if classes
            else "always predicting the mean has an R² of 0"
        ),
        "drop": str(DROP if classes else NUMBER_DROP),
        "batch_size": str(batch),
        "batch_sizes": repr((batch // 2, batch, batch * 2)),
        "float16": (
            f'"float16": {limits.TEXTS["trained_float16"]},'
            if all(abs(number) < HALF for label in facts.labels for number in label.numbers)
            else "# No float16: its weights cannot hold the label's large numbers."
        ),
        "dropout": str(DROPOUT if by_heart else 0.0),
        "patience": (
            f'"patience": {PATIENCE},'
            if by_heart
            else "# With patience, training ends when the held-out loss stops falling."
        ),
        "epochs": str(min(100, max(3, EPOCH_STEPS // steps))),
        "schema": table_schema((*numbers, *texts), facts.labels),
    }


def _baseline(label: Label) -> float:
    return 0.0 if label.role == REGRESSION else math.floor(label.majority * 1000) / 1000


def _target(label: Label) -> str:
    """Returns the Python source of a target, one argument per line."""
    arguments: dict[str, object] = {
        "feature": label.name,
        "output": label.output,
        "role": label.role,
        "title": label.header,
    }
    lines = [f"{name}={folder.literal(value)}," for name, value in arguments.items()]
    if label.unit:
        lines.append(f"unit={folder.literal(label.unit)},")
    if label.classes:
        lines.append(f"labels={folder.tuple_of(label.classes, 16)},")
    body = "".join(f"            {line}\n" for line in lines)
    return f"        Target(\n{body}        ),"


def _report(facts: TableFacts) -> str:
    taken = ", ".join(
        f"{c.name} ({'number' if c.numbers is not None else 'text'}"
        f"{'' if c.present == 1 else f', {1 - c.present:.0%} missing'})"
        for c in facts.columns
    )
    described = [_described(label) for label in facts.labels]
    lines = [
        f"{facts.rows:,} rows, {described[0]}",
        *described[1:],
        f"columns: {taken}",
        *(f"left out {title!r}: {reason}" for title, reason in facts.left_out.items()),
    ]
    if facts.unlabelled:
        lines.append(f"left out {facts.unlabelled:,} rows: they have no value for the label")
    return "\n".join(lines)


def _described(label: Label) -> str:
    title = f"label {label.header!r}"
    if label.role == REGRESSION:
        low, high = min(label.numbers), max(label.numbers)
        unit = f" {label.unit}" if label.unit else ""
        because = "" if label.asked else f" (more than {MANY} different ones; --task decides)"
        return f"{title} is a number from {low:g} to {high:g}{unit}: a regression{because}"
    if label.role == "binary":
        no, yes = label.classes
        return f"{title} is {no} or {yes}: the probability of {yes}"
    return (
        f"{title} with {len(label.classes)} classes: "
        + ", ".join(label.classes[:8])
        + (" …" if len(label.classes) > 8 else "")
    )
