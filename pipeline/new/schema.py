"""The inferred schema of a new model's data, as a text that people curate."""

from pipeline.new.labels import Label
from pipeline.new.table import Column

HEAD = """# The rules for an example. Data that breaks them stops the pipeline at its data gate.
# INFERRED from the data: curate it. Which values are possible, but happened not to occur? Which
# values may be missing, and how often?
"""
# A range alone does not see NaN: TFDV leaves NaN out of the smallest and the largest value.
_FINITE = "disallow_nan: true disallow_inf: true"
# A split is a part of the data, so a value may be missing more often in it.
_SLACK = 0.5


def table_schema(columns: tuple[Column, ...], labels: tuple[Label, ...]) -> str:
    """Returns the schema of a table: presence, ranges of numbers, values of texts."""
    answers = [
        label(len(each.classes), each.name) if each.classes else _answer(each) for each in labels
    ]
    return HEAD + "\n".join([*map(_feature, columns), *answers])


def label(classes: int, name: str = "label") -> str:
    """Returns the schema's part for the index of a class."""
    return f"""feature {{
  name: "{name}"
  type: INT
  presence {{ min_fraction: 1.0 min_count: 1 }}
  shape {{}}
  int_domain {{ name: "{name}" min: 0 max: {classes - 1} is_categorical: true }}
}}
"""


def _answer(predicted: Label) -> str:
    """Returns the schema's part for a number to predict."""
    low, high = span(predicted.numbers)
    return f"""feature {{
  name: "{predicted.name}"
  type: FLOAT
  presence {{ min_fraction: 1.0 min_count: 1 }}
  shape {{}}
  float_domain {{ min: {low!r} max: {high!r} {_FINITE} }}
}}
"""


def tensor(
    name: str, shape: tuple[int, ...], kind: str, domain: tuple[float, float] | None = None
) -> str:
    """Returns the schema's part for a tensor that is always present, without NaN.

    Args:
        name: the feature's name.
        shape: the tensor's shape.
        kind: ``FLOAT``, ``INT`` or ``BYTES``.
        domain: the smallest and the largest number that the data may have; None for no limits.
    """
    dims = " ".join(f"dim {{ size: {size} }}" for size in shape)
    limits = ""
    if kind == "FLOAT":
        ends = "" if domain is None else f"min: {domain[0]!r} max: {domain[1]!r} "
        limits = f"\n  float_domain {{ {ends}{_FINITE} }}"
    elif domain is not None:
        limits = f"\n  int_domain {{ min: {int(domain[0])} max: {int(domain[1])} }}"
    return f"""feature {{
  name: "{name}"
  type: {kind}{limits}
  presence {{ min_fraction: 1.0 min_count: 1 }}
  shape {{ {dims} }}
}}
"""


def picture(name: str) -> str:
    """Returns the schema's part for an encoded picture."""
    return f"""feature {{
  name: "{name}"
  type: BYTES
  presence {{ min_fraction: 1.0 min_count: 1 }}
  shape {{}}
}}
"""


def _feature(column: Column) -> str:
    share = 1.0 if column.present == 1 else round(column.present * _SLACK, 2)
    if column.numbers is None:
        values = " ".join(f"value: {_quoted(value)}" for value in sorted(set(column.values)))
        kind = f'  type: BYTES\n  string_domain {{ name: "{column.name}" {values} }}'
    else:
        low, high = bounds(column)
        kind = f"  type: FLOAT\n  float_domain {{ min: {low!r} max: {high!r} {_FINITE} }}"
    return f"""feature {{
  name: "{column.name}"
{kind}
  presence {{ min_fraction: {share} min_count: 1 }}
  value_count {{ min: 1 max: 1 }}
}}
"""


def bounds(column: Column) -> tuple[float, float]:
    """Returns the range of a column's numbers, extended by a tenth of its width on either side."""
    return span(column.numbers or (0.0,))


def span(values: tuple[float, ...]) -> tuple[float, float]:
    """Returns the range of numbers, extended in the same way."""
    low, high = min(values), max(values)
    margin = (high - low) * 0.1 or abs(high) * 0.1 or 1.0
    # A range without negative numbers stays without them.
    lowest = 0.0 if low >= 0 > low - margin else low - margin
    return float(f"{lowest:.6g}"), float(f"{high + margin:.6g}")


def _quoted(text: str) -> str:
    from google.protobuf import text_encoding

    return f'"{text_encoding.CEscape(text, as_utf8=True)}"'  # type: ignore[arg-type]
