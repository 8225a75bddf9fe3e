"""Charts of points in a square: a scatter of pairs, and a curve. They look like ``charts``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.html.charts import figure, label, ticks
from pipeline.html.markup import Child, Markup, tag

WIDTH, HEIGHT = 380, 340
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 24, 40
# More points only hide each other, and each takes 60 bytes.
MOST_POINTS = 1000


@dataclass(frozen=True)
class Axis:
    """An axis: its name, which may have a unit, and the round values that enclose its range."""

    name: str
    ticks: Sequence[float]


def scatter(
    title: str, across: Sequence[float], up: Sequence[float], *, names: tuple[str, str]
) -> Markup:
    """Returns pairs of numbers of one kind as dots; those on the diagonal are equal.

    Args:
        title: what is shown, also for people who cannot see the chart.
        across, up: the numbers; every n-th pair is drawn if there are more than ``MOST_POINTS``.
        names: the names of the axes, with their unit.
    """
    finite = [value for value in (*across, *up) if math.isfinite(value)]
    if not finite:
        return tag("p", f"{title}: no finite value", class_="note")
    shared = ticks(min(finite), max(finite))
    square = _Square(Axis(names[0], shared), Axis(names[1], shared))
    step = math.ceil(len(across) / MOST_POINTS)
    pairs = zip(across[::step], up[::step], strict=True)
    dots = [
        tag("circle", cx=square.x(a), cy=square.y(b), r=2.6, class_="point")
        for a, b in pairs
        if math.isfinite(a) and math.isfinite(b)
    ]
    diagonal = _path(square, [(shared[0], shared[0]), (shared[-1], shared[-1])], "diagonal")
    return figure(title, [square.frame(), diagonal, dots], WIDTH, HEIGHT)


def curve(
    title: str,
    points: Sequence[tuple[float, float]],
    *,
    names: tuple[str, str],
    mark: tuple[float, float, str],
) -> Markup:
    """Returns a curve in the unit square, such as a ROC curve, above the diagonal of chance.

    Args:
        title, names: as for ``scatter``.
        points: from the left to the right.
        mark: a point on the curve, and its name in the legend.
    """
    shared = [0.0, 0.25, 0.5, 0.75, 1.0]
    square = _Square(Axis(names[0], shared), Axis(names[1], shared))
    x, y, name = mark
    parts = [
        square.frame(),
        _path(square, [(0.0, 0.0), (1.0, 1.0)], "diagonal"),
        _path(square, points, "line s1"),
        tag(
            "g",
            tag("title", name),
            tag("circle", cx=square.x(x), cy=square.y(y), r=4.5, class_="dot s2"),
        ),
    ]
    return figure(title, parts, WIDTH, HEIGHT, keys=[("s2", name)])


class _Square:
    """Places of values in a drawing with two axes."""

    def __init__(self, across: Axis, up: Axis) -> None:
        self._across, self._up = across, up

    def x(self, value: float) -> float:
        low, high = self._across.ticks[0], self._across.ticks[-1]
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self._up.ticks[0], self._up.ticks[-1]
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)

    def frame(self) -> list[Child]:
        """Returns the grid, its values and the names of the axes."""
        parts: list[Child] = []
        for tick in self._up.ticks:
            at = self.y(tick)
            parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"))
            parts.append(tag("text", f"{tick:g}", x=LEFT - 7, y=at + 4, class_="label end"))
        for tick in self._across.ticks:
            at = self.x(tick)
            parts.append(tag("line", x1=at, x2=at, y1=TOP, y2=HEIGHT - BOTTOM, class_="grid"))
            parts.append(label(at, HEIGHT - BOTTOM + 16, f"{tick:g}"))
        parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, self._across.name))
        parts.append(tag("text", self._up.name, x=4, y=12, class_="label"))
        return parts


def _path(square: _Square, points: Sequence[tuple[float, float]], kind: str) -> Markup:
    drawn = " ".join(f"{square.x(a):.1f},{square.y(b):.1f}" for a, b in points)
    return tag("polyline", points=drawn, class_=kind)
