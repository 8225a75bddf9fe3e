"""Makes a model's folder from a CSV file."""

import math
from pathlib import Path

from models.places import OWN
from pipeline.new import folder
from pipeline.new.schema import bounds, table_schema
from pipeline.new.table import Column, TableFacts, look

EPOCH_STEPS = 2000


def create(name: str, file: Path, label: str | None, models: Path = OWN) -> tuple[Path, str]:
    """Returns the new folder and the facts about the table in words. Raises UserError."""
    folder.check_name(name, models)
    facts = look(file, label)
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
    batch = 16 if facts.rows < 2000 else 64
    steps = -(-round(facts.rows * 0.7) // batch)
    return {
        "name": name,
        "file": facts.file.name,
        "path": folder.literal(str(facts.file)),
        "digest": _digest(facts.file),
        "separator": folder.literal(facts.separator),
        "numbers": folder.tuple_of(tuple(c.name for c in numbers), 8),
        "texts": folder.tuple_of(tuple(c.name for c in texts), 8),
        "missing": repr(missing),
        "labels": folder.tuple_of(facts.labels),
        "headers": folder.dict_of(
            {**{c.name: c.header for c in (*numbers, *texts)}, "label": facts.label}, 8
        ),
        "descriptions": folder.dict_of({c.name: c.header for c in (*numbers, *texts)}, 12),
        "ranges": folder.dict_of({c.name: bounds(c) for c in numbers}, 12),
        "classes": str(len(facts.labels)),
        "rows": f"{facts.rows:,}",
        "baseline": f"{math.floor(facts.majority * 1000) / 1000}",
        "batch_size": str(batch),
        "batch_sizes": repr((batch // 2, batch, batch * 2)),
        "epochs": str(min(100, max(3, EPOCH_STEPS // steps))),
        "schema": table_schema((*numbers, *texts), len(facts.labels)),
    }


def _report(facts: TableFacts) -> str:
    taken = ", ".join(
        f"{c.name} ({'number' if c.numbers is not None else 'text'}"
        f"{'' if c.present == 1 else f', {1 - c.present:.0%} missing'})"
        for c in facts.columns
    )
    lines = [
        f"{facts.rows:,} rows, label {facts.label!r} with {len(facts.labels)} classes: "
        + ", ".join(facts.labels[:8])
        + (" …" if len(facts.labels) > 8 else ""),
        f"columns: {taken}",
        *(f"left out {title!r}: {reason}" for title, reason in facts.left_out.items()),
    ]
    return "\n".join(lines)


def _digest(file: Path) -> str:
    from core.files import sha256

    return sha256(file)
