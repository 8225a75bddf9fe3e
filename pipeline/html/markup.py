"""HTML and SVG elements as strings. Text is escaped exactly once."""

from collections.abc import Iterable, Sequence
from html import escape

_VOID = {"img", "meta", "rect", "line", "circle", "polyline", "path"}


class Markup(str):
    """Text that is already HTML; every other string is escaped when it becomes a child."""

    __slots__ = ()


Child = str | int | float | None | Iterable["Child"]


def tag(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """Returns an element.

    Args:
        name: the element's name.
        children: strings are escaped, Markup is not; None is left out; sequences are flattened.
        attributes: ``class_`` becomes ``class``, other underscores become hyphens; None and False
            are left out, True gives an attribute without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    """Returns the concatenated children."""
    return Markup("".join(_text(child) for child in children))


def table(
    caption: str, head: Sequence[Child], rows: Iterable[Sequence[Child]], *, numbers: str = ""
) -> Markup:
    """Returns a table with a caption, column headings, and each row's first cell as its heading.

    Args:
        numbers: the 0-based columns to align right, as numbers separated by spaces.
    """
    right = {int(column) for column in numbers.split()}
    kind = dict.fromkeys(right, "number")
    header = [tag("th", cell, scope="col", class_=kind.get(i)) for i, cell in enumerate(head)]
    body = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            [tag("td", cell, class_=kind.get(i)) for i, cell in enumerate(row[1:], start=1)],
        )
        for row in rows
    ]
    whole = tag(
        "table", tag("caption", caption), tag("thead", tag("tr", header)), tag("tbody", body)
    )
    # A wide table scrolls separately, so it must be reachable by keyboard.
    return tag("div", whole, class_="wide", tabindex="0", role="region", aria_label=caption)


def note(text: Child) -> Markup:
    """Returns a paragraph that says what is missing and why."""
    return tag("p", text, class_="note")


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str):
        return escape(child)
    if isinstance(child, int | float):
        return str(child)
    return join(child)


def _attribute(key: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-") if key != "viewBox" else key
    if value is True:
        return f" {name}"
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f' {name}="{escape(shown)}"'
