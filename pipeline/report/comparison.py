"""The release compared with the one promoted before it."""

from core.agreement.checks import Check
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.monitor.distances import distance_table, drawings
from pipeline.report.facts import Facts


def comparison(facts: Facts) -> Markup:
    """Returns metrics and the checks' figures side by side."""
    parent = facts.parent
    if parent is None:
        return note("This is the first release: none was promoted before it.")
    old, new = f"Release {parent.version}", f"Release {facts.version}"
    metrics = table(
        "Accuracy on the test split",
        ["Slice", old, new, "Change"],
        _metrics(facts, parent.manifest["metrics"]),
        numbers="1 2 3",
    )
    head: list[Child] = ["Target and runtime"]
    for figure in ("Size", "Agreement", "Latency"):
        head += [f"{figure}, release {parent.version}", f"{figure}, release {facts.version}"]
    checks = table(
        f"Checks of releases {parent.version} and {facts.version}",
        [*head, "Status"],
        _checks(facts, parent.checks),
        numbers="1 2 3 4 5 6",
    )
    return join([metrics, checks, tag("h3", "The training data"), _shift(facts, old, new)])


def _shift(facts: Facts, old: str, new: str) -> Markup:
    if facts.shift is None:
        return note("The training data cannot be compared: one release's statistics are missing.")
    caption = "Training data and answers to the test split, with `fanout monitor`'s features"
    shown = distance_table(facts.shift, caption, old, new)
    return join([shown, drawings(facts.shift, old, new)])


def _metrics(facts: Facts, before: dict[str, object]) -> list[list[Child]]:
    now = facts.manifest["metrics"]
    pairs = [("all examples", before["accuracy"], now["accuracy"])]
    old_slices = before["slices"]
    assert isinstance(old_slices, dict)  # noqa: S101 - the manifest's schema
    pairs += [
        (facts.spec.slice_name(key), old_slices.get(key), value)
        for key, value in now["slices"].items()
    ]
    return [[name, _number(old), _number(new), _change(old, new)] for name, old, new in pairs]


def _checks(facts: Facts, before: list[Check]) -> list[list[Child]]:
    old = {_key(check): check for check in before}
    rows: list[list[Child]] = []
    for check in facts.checks:
        was = old.pop(_key(check), None)
        rows.append(_pair(check, was, check))
    # A row that is no longer checked is a finding too.
    rows += [_pair(check, check, None) for check in old.values()]
    return rows


def _pair(named: Check, was: Check | None, now: Check | None) -> list[Child]:
    cells: list[Child] = [f"{named.target} {named.variant}, {named.runtime}"]
    for name, form in (("bytes", "{:,.0f} kB"), ("agreement", "{:.4f}"), ("p50_ms", "{:.2f} ms")):
        for check in (was, now):
            value = getattr(check, name) if check else None
            shown = value / 1000 if name == "bytes" and value is not None else value
            cells.append("–" if shown is None else form.format(shown))
    cells.append(_status(was, now))
    return cells


def _status(was: Check | None, now: Check | None) -> Child:
    if now is None:
        return "no longer checked"
    if was is None:
        return f"new: {now.status}"
    return now.status if was.status == now.status else f"{was.status} before, now {now.status}"


def _key(check: Check) -> tuple[str, str, str]:
    # Versions change between releases; the runtime's name and its transport or backend do not.
    words = [word for word in check.runtime.partition("(")[0].split() if not word[0].isdecimal()]
    return check.target, check.variant, " ".join(words)


def _number(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "–"


def _change(old: object, new: object) -> Child:
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return "–"
    kind = "right" if new > old else "wrong" if new < old else ""
    return tag("span", f"{new - old:+.4f}", class_=kind or None)
