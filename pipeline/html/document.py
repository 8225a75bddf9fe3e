"""The frame of a self-contained page: its head, style and security policy."""

from pathlib import Path

from pipeline.html.markup import Child, Markup, tag

STYLE = Path(__file__).with_name("style.css")
# Even a page with a bug can neither load nor run anything.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def document(title: str, *body: Child) -> str:
    """Returns a whole HTML file."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(STYLE.read_text())),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', body), lang='en')}\n"


def section(place: str, name: str, *content: Child) -> Markup:
    """Returns a section with its heading; ``place`` is its anchor for links."""
    heading = tag("h2", name, id=f"{place}-title")
    return tag("section", heading, content, id=place, aria_labelledby=f"{place}-title")


def tiles(facts: list[tuple[str, str, str]]) -> Markup:
    """Returns tiles with the main figures: name, value, and a line below the value."""
    drawn = [
        tag("div", tag("dt", name), tag("dd", value), tag("dd", under, class_="under"))
        for name, value, under in facts
    ]
    return tag("dl", drawn, class_="tiles")
