"""The SavedModel's quality on the test split: by slice, and the classes that it confuses."""

import numpy as np

from core.arrays import Array
from models.roles.classification import Classification
from pipeline.html import charts
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.report.facts import Facts

# A matrix of more classes is unreadable on paper; its largest confusions tell more.
MATRIX_CLASSES = 20


def quality(facts: Facts) -> Markup:
    """Returns the slices and the confusion matrix, side by side if there is room."""
    return tag("div", slices(facts), confusion(facts), class_="pair")


def slices(facts: Facts) -> Markup:
    """Returns a bar for each slice, with the limit and the previous release's value."""
    metrics = facts.manifest["metrics"]
    if not metrics["slices"]:
        return note("The Evaluator measured no slices.")
    now = {facts.spec.slice_name(key): float(value) for key, value in metrics["slices"].items()}
    before = None
    if facts.parent:
        old = facts.parent.manifest["metrics"]["slices"]
        before = {facts.spec.slice_name(key): float(value) for key, value in old.items()}
    return charts.bars(
        f"Accuracy on {int(metrics['examples']):,} test examples, by slice",
        now,
        before=before,
        limit=facts.profile.min_slice_accuracy,
    )


def confusion(facts: Facts) -> Markup:
    """Returns the confusion matrix of the golden set as a table with coloured cells."""
    golden = facts.golden
    if golden is None:
        return note("The golden set of this release's run no longer exists.")
    classes = (head for head in golden.heads if isinstance(head.role, Classification))
    answered = next(classes, None)
    if answered is None or answered.name not in golden.truths:
        return note("No output of this model is one class of several with a known true class.")
    predicted, truth = answered.truth(golden.outputs), golden.truths[answered.name]
    counts = matrix(predicted, truth, golden.outputs[answered.name].shape[1])
    if len(counts) > MATRIX_CLASSES:
        return _largest(facts, counts)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    rows: list[list[Child]] = []
    for true, line in enumerate(counts):
        cells: list[Child] = [facts.label(true)]
        for column, count in enumerate(line):
            share = float(shares[true, column])
            cells.append(
                tag(
                    "span",
                    str(count) if count else "·",
                    class_=f"cell {'hit' if true == column else 'miss'}",
                    style=f"--share:{share:.3f}",
                    title=f"{facts.label(true)} taken for {facts.label(column)}: "
                    f"{count} of {int(totals[true, 0])}, {share:.1%}",
                )
            )
        rows.append(cells)
    head: list[Child] = ["True class"]
    head += [tag("span", facts.label(number), class_="slanted") for number in range(len(counts))]
    return tag(
        "div",
        table(
            f"Confusion matrix, {len(golden):,} test examples; columns: predicted class", head, rows
        ),
        class_="confusion",
    )


def matrix(predicted: Array, truth: Array, classes: int) -> Array:
    """Returns counts, true class by predicted class, of shape (classes, classes)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def _largest(facts: Facts, counts: Array) -> Markup:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None)[::-1][:MATRIX_CLASSES]
    pairs = [divmod(int(place), len(counts)) for place in order]
    rows = [
        [facts.label(true), facts.label(predicted), f"{int(wrong[true, predicted]):,}"]
        for true, predicted in pairs
        if wrong[true, predicted]
    ]
    if not rows:
        return note("The SavedModel predicts the true class of every test example.")
    shown = table("The largest confusions", ["True", "Predicted", "Examples"], rows, numbers="2")
    return join([note(f"{len(counts)} classes are too many for a matrix."), shown])
