"""Two distributions of a feature in one chart: areas for numbers, pairs of bars for words."""

from collections.abc import Mapping, Sequence

from pipeline.html.charts import figure, label
from pipeline.html.markup import Child, Markup, tag

WIDTH, HEIGHT, BOTTOM, SIDE = 320, 150, 20, 10
# The most frequent words are drawn.
WORDS = 12

Bucket = tuple[float, float, float]


def numbers(title: str, series: Mapping[str, Sequence[Bucket]]) -> Markup:
    """Returns densities over the range of all series.

    Args:
        series: ``(low, high, share)`` of each bucket, by the series' name.
    """
    buckets = [bucket for values in series.values() for bucket in values]
    if not buckets:
        return tag("p", f"{title}: no value", class_="note")
    low, high = min(b[0] for b in buckets), max(b[1] for b in buckets)
    span = (high - low) or 1.0
    # A constant has no width, and its density would be infinite.
    thin = span / 40
    dense = {
        name: [(a, max(b, a + thin), share / max(b - a, thin)) for a, b, share in values]
        for name, values in series.items()
    }
    peaks = {name: max((d for _, _, d in values), default=0) for name, values in dense.items()}

    def x(value: float) -> float:
        return SIDE + (WIDTH - 2 * SIDE) * (value - low) / (span if high > low else thin)

    parts: list[Child] = []
    base = HEIGHT - BOTTOM
    for number, (name, values) in enumerate(dense.items(), start=1):
        # Each is scaled to its own peak: position and shape are what matters.
        scale = (base - 8) / (peaks[name] or 1.0)
        corners = "".join(
            f"V{base - density * scale:.1f}H{x(end):.1f}" for _, end, density in values
        )
        outline = f"M{x(values[0][0]):.1f} {base}{corners}V{base}Z" if values else ""
        parts.append(tag("path", d=outline, class_=f"area s{number}"))
    parts.append(tag("line", x1=SIDE, x2=WIDTH - SIDE, y1=base, y2=base, class_="axis"))
    parts.append(tag("text", f"{low:.3g}", x=SIDE, y=HEIGHT - 4, class_="label"))
    parts.append(tag("text", f"{high:.3g}", x=WIDTH - SIDE, y=HEIGHT - 4, class_="label end"))
    return figure(title, parts, WIDTH, HEIGHT, legend=list(series))


def words(title: str, series: Mapping[str, Mapping[str, float]]) -> Markup:
    """Returns a pair of bars for each word, its share in each series."""
    totals: dict[str, float] = {}
    for shares in series.values():
        for word, share in shares.items():
            totals[word] = max(totals.get(word, 0.0), share)
    # Sorted by name, so that charts of the same words look similar from day to day.
    shown = sorted(sorted(totals, key=lambda word: -totals[word])[:WORDS])
    if not shown:
        return tag("p", f"{title}: no value", class_="note")
    row, names, figures = 26, 92, 40
    span = WIDTH - names - figures
    most = max(totals.values()) or 1.0
    parts: list[Child] = []
    for place, word in enumerate(shown):
        top = place * row + 4
        parts.append(tag("text", _short(word), x=names - 8, y=top + 13, class_="label end"))
        for number, (name, shares) in enumerate(series.items(), start=1):
            share = shares.get(word, 0.0)
            at = top + (number - 1) * 9
            bar = tag("rect", x=names, y=at, width=max(span * share / most, 1), height=8,
                      class_=f"solid s{number}")  # fmt: skip
            parts.append(tag("g", tag("title", f"{word}, {name}: {share:.1%}"), bar))
            if number == len(series):
                parts.append(label(WIDTH - figures / 2 + 4, top + 13, f"{share:.0%}"))
    return figure(title, parts, WIDTH, row * len(shown) + 4, legend=list(series))


def _short(word: str) -> str:
    return word if len(word) <= 14 else f"{word[:13]}…"
