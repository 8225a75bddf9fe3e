"""Charts as inline SVG. Colours come from the page's style; numbers are labels or titles."""

import math
from collections.abc import Mapping, Sequence

from pipeline.html.markup import Child, Markup, tag

WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 34


def lines(title: str, series: Mapping[str, Sequence[float]], *, across: str) -> Markup:
    """Returns a line chart of one value per step, for each named series.

    Args:
        title: what is shown, also for people who cannot see the chart.
        series: the values, from step 1; values that are not finite leave a gap.
        across: the label of the step axis.
    """
    finite = [value for values in series.values() for value in values if math.isfinite(value)]
    steps = max((len(values) for values in series.values()), default=0)
    if not finite:
        return tag("p", f"{title}: no finite value", class_="note")
    marks = ticks(min(finite), max(finite))
    low, high = marks[0], marks[-1]

    def x(step: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step / max(steps - 1, 1) if steps > 1 else 0.5)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)

    parts: list[Child] = [_rule(y(tick), f"{tick:g}") for tick in marks]
    every = max(1, math.ceil(steps / 10))
    parts += [
        label(x(step), HEIGHT - BOTTOM + 15, str(step + 1)) for step in range(0, steps, every)
    ]
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, across))
    for number, (name, values) in enumerate(series.items(), start=1):
        points = [(x(i), y(v), v) for i, v in enumerate(values) if math.isfinite(v)]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b, _ in points)
        parts.append(tag("polyline", points=path, class_=f"line s{number}"))
        parts += [
            tag("g", tag("title", f"{name}: {value:.4f}"), _dot(a, b, number))
            for a, b, value in points
        ]
    return figure(title, parts, WIDTH, HEIGHT, legend=list(series))


def bars(
    title: str,
    values: Mapping[str, float],
    *,
    before: Mapping[str, float] | None = None,
    limit: float | None = None,
) -> Markup:
    """Returns horizontal bars of shares from 0 to 1.

    Args:
        values: by name.
        before: the previous release's values, drawn as a tick on the bar.
        limit: the least value allowed, drawn as a line through all bars.
    """
    row, name_width, number_width = 24, 118, 52
    width, height = 520, row * len(values) + 26
    span = width - name_width - number_width

    def x(share: float) -> float:
        return name_width + span * min(max(share, 0.0), 1.0)

    parts: list[Child] = [
        tag("g", tag("line", x1=x(t), x2=x(t), y1=0, y2=height - 22, class_="grid"),
            label(x(t), height - 8, f"{t:g}"))
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]  # fmt: skip
    for number, (name, value) in enumerate(values.items()):
        top = number * row + 3
        short = limit is not None and value < limit
        old = (before or {}).get(name)
        was = f", {old:.4f} in the previous release" if old is not None else ""
        parts.append(
            tag(
                "g",
                tag("title", f"{name}: {value:.4f}{was}"),
                tag("text", name, x=name_width - 8, y=top + 13, class_="label end"),
                tag("rect", x=name_width, y=top, width=x(value) - name_width, height=row - 7,
                    rx=2, class_="bar bad" if short else "bar"),
                tag("line", x1=x(old), x2=x(old), y1=top - 2, y2=top + row - 5, class_="before")
                if old is not None
                else None,
                tag("text", f"{value:.3f}", x=x(1) + 8, y=top + 13, class_="label value"),
            )
        )  # fmt: skip
    if limit is not None:
        at = x(limit)
        parts.append(tag("line", x1=at, x2=at, y1=0, y2=height - 22, class_="limit"))
    keys = [] if before is None else [("before", "previous release")]
    keys += [] if limit is None else [("limit", f"least allowed: {limit:g}")]
    return figure(title, parts, width, height, keys=keys)


# Half-decades of the absolute difference; smaller differences than the first share one bin.
EXPONENTS = [half / 2 for half in range(-18, 1)]


def histogram(title: str, differences: Sequence[float], *, limit: float | None) -> Markup:
    """Returns the distribution of absolute differences over half-decades, as shares.

    Args:
        differences: each example's largest difference, from 0 to 1.
        limit: the largest difference allowed; None if it is unbounded.
    """
    counts = [0] * len(EXPONENTS)
    for value in differences:
        exponent = math.log10(value) if value > 0 else -math.inf
        # The last half-decade ends at 1, which no difference of probabilities exceeds.
        place = sum(exponent >= edge for edge in EXPONENTS)
        counts[min(place, len(EXPONENTS) - 1)] += 1
    width, height, bottom = 320, 132, 24
    step = (width - 20) / len(counts)
    tallest = max(counts) or 1

    def x(place: float) -> float:
        return 10 + step * place

    parts: list[Child] = []
    for place, count in enumerate(counts):
        tall = (height - bottom - 16) * count / tallest
        low = f"1e{EXPONENTS[place - 1]:g}" if place else "0"
        text = f"{count:,} examples differ by {low} to 1e{EXPONENTS[place]:g}"
        if count:
            parts.append(
                tag("g", tag("title", text),
                    tag("rect", x=x(place) + 0.5, y=height - bottom - max(tall, 1.5),
                        width=step - 1, height=max(tall, 1.5), class_="bar"))
            )  # fmt: skip
    base = height - bottom
    parts.append(tag("line", x1=10, x2=width - 10, y1=base, y2=base, class_="axis"))
    for exponent in (-8, -6, -4, -2, 0):
        parts.append(label(x(EXPONENTS.index(exponent) + 1) - (6 if not exponent else 0),
                            base + 15, f"1e{exponent}" if exponent else "1"))  # fmt: skip
    if limit is not None and limit > 0:
        at = x(min(max(math.log10(limit) - EXPONENTS[0], 0) * 2 + 1, len(counts)))
        parts.append(tag("line", x1=at, x2=at, y1=14, y2=base, class_="limit"))
        parts.append(label(at, 10, f"limit {limit:.3g}"))
    return figure(title, parts, width, height)


def ticks(low: float, high: float) -> list[float]:
    """Returns four to seven round values that enclose the range."""
    span = (high - low) or abs(high) or 1.0
    base: float = 10 ** math.floor(math.log10(span / 4))
    step = next(base * factor for factor in (1, 2, 2.5, 5, 10) if span / (base * factor) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 10) for number in range(first, max(last, first + 1) + 1)]


def _rule(at: float, label: str) -> Markup:
    return tag(
        "g",
        tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=at, y2=at, class_="grid"),
        tag("text", label, x=LEFT - 7, y=at + 4, class_="label end"),
    )


def _dot(x: float, y: float, number: int) -> Markup:
    return tag("circle", cx=x, cy=y, r=3.2, class_=f"dot s{number}")


def label(x: float, y: float, text: str) -> Markup:
    """Returns a short text centred at x."""
    return tag("text", text, x=x, y=y, class_="label middle")


def figure(
    title: str,
    parts: Sequence[Child],
    width: int,
    height: int,
    *,
    legend: Sequence[str] = (),
    keys: Sequence[tuple[str, str]] = (),
) -> Markup:
    """Returns a drawing with its title and legend.

    Args:
        legend: names of series, in the order of their colours.
        keys: CSS classes of other marks, with their names.
    """
    drawing = tag(
        "svg", parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=title, width=width,
        height=height,
    )  # fmt: skip
    shown = [
        tag("span", tag("i", class_=f"key s{number}"), name)
        for number, name in enumerate(legend, start=1)
    ] + [tag("span", tag("i", class_=f"key {kind}"), name) for kind, name in keys]
    return tag(
        "figure",
        tag("figcaption", tag("span", title), tag("span", shown, class_="legend")),
        drawing,
    )
