"""Drawn signs beside words, as not every font has the characters."""

from core.agreement.checks import FAILED, PASSED, SKIPPED
from pipeline.html.markup import Markup, tag

_STROKES = {PASSED: "M2 6.5 5 9.5 10 3", FAILED: "M3 3 9 9 M9 3 3 9", SKIPPED: "M2.5 6 9.5 6"}


def sign(status: str) -> Markup:
    """Returns a tick, a cross or a dash for ``passed``, ``failed`` or ``skipped``."""
    stroke = tag("path", d=_STROKES[status])
    return tag("svg", stroke, viewBox="0 0 12 12", class_="sign", aria_hidden="true")


def badge(status: str, text: str | None = None) -> Markup:
    """Returns a status as a coloured word with a sign, which does not depend on colour vision."""
    return tag("span", sign(status), f" {text or status}", class_=f"badge {status}")
