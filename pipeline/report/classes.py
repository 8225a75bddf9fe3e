"""The quality of classes: confusions, the ROC curve of a yes or no, and a row for each label."""

import numpy as np

from core.agreement.golden import Golden
from core.arrays import Array
from models.roles.role import Head
from models.roles.thresholds import area_under_curve
from models.spec import Output
from pipeline.html import points
from pipeline.html.markup import Child, Markup, join, note, table, tag

# A matrix of more classes is unreadable on paper; its largest confusions tell more.
MATRIX_CLASSES = 20
# The steps of a ROC curve that can be told apart in the drawing.
ROC_POINTS = 200


def class_name(output: Output, number: float) -> str:
    """Returns the name of an output's class."""
    place = int(number)
    return output.labels[place] if 0 <= place < len(output.labels) else f"class {place}"


def sides(output: Output) -> tuple[str, str]:
    """Returns the names of no and yes, of an output that decides between them."""
    if len(output.labels) == 2:
        return output.labels[0], output.labels[1]
    return (f"not {output.labels[0]}", output.labels[0]) if output.labels else ("no", "yes")


def confusion(golden: Golden, head: Head) -> Markup:
    """Returns the confusion matrix of a classification as a table with coloured cells."""
    output, truth = head.outputs[0], golden.truths[head.name]
    counts = matrix(head.truth(golden.outputs), truth, golden.outputs[head.name].shape[1])
    names = [class_name(output, number) for number in range(len(counts))]
    return _largest(names, counts) if len(counts) > MATRIX_CLASSES else _cells(names, counts)


def yes_or_no(golden: Golden, head: Head) -> Markup:
    """Returns the confusion matrix of a binary answer, and its ROC curve."""
    truth, said = golden.truths[head.name].reshape(-1), head.truth(golden.outputs)
    drawn = [_cells(list(sides(head.outputs[0])), matrix(said, truth, 2))]
    values = golden.outputs[head.name].reshape(-1).astype(np.float64)
    area = area_under_curve(values, truth)
    if area is not None:
        yes, no = truth == 1, truth == 0
        threshold = head.outputs[0].threshold
        found = float((said[no] == 1).mean()), float((said[yes] == 1).mean())
        drawn.append(
            points.curve(
                f"ROC curve, area {area:.4f}",
                roc(values, truth),
                names=("share of no that is called yes", "share of yes that is found"),
                mark=(*found, f"threshold {threshold:g}"),
            )
        )
    return tag("div", drawn, class_="pair")


def each_label(golden: Golden, head: Head) -> Markup:
    """Returns a row for each label of a multi-label answer."""
    output, truth = head.outputs[0], golden.truths[head.name]
    values, said = golden.outputs[head.name], head.truth(golden.outputs)
    rows = []
    for place in range(truth.shape[1]):
        area = area_under_curve(values[:, place], truth[:, place])
        rows.append(
            [
                class_name(output, place),
                f"{int(truth[:, place].sum()):,}",
                f"{int(said[:, place].sum()):,}",
                f"{float((said[:, place] == truth[:, place]).mean()):.4f}",
                "–" if area is None else f"{area:.4f}",
            ]
        )
    return table(
        f"Each label on {len(golden):,} test examples, with the threshold {output.threshold:g}",
        ["Label", "Have it", "Said to have it", "Right", "AUC"],
        rows,
        numbers="1 2 3 4",
    )


def matrix(predicted: Array, truth: Array, classes: int) -> Array:
    """Returns counts, true class by predicted class, of shape (classes, classes)."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def roc(values: Array, truth: Array) -> list[tuple[float, float]]:
    """Returns points of the ROC curve: the shares of no and of yes above a falling threshold."""
    order = np.argsort(-values, kind="stable")
    # Equal values fall below a threshold together.
    last = np.append(np.diff(values[order]) != 0, True)
    yes = np.cumsum(truth[order] == 1)[last] / max(int((truth == 1).sum()), 1)
    no = np.cumsum(truth[order] == 0)[last] / max(int((truth == 0).sum()), 1)
    kept = np.unique(np.linspace(0, len(yes) - 1, ROC_POINTS).round().astype(int))
    return [(0.0, 0.0), *zip(no[kept].tolist(), yes[kept].tolist(), strict=True)]


def _cells(names: list[str], counts: Array) -> Markup:
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    rows: list[list[Child]] = []
    for true, line in enumerate(counts):
        cells: list[Child] = [names[true]]
        for column, count in enumerate(line):
            share = float(shares[true, column])
            cells.append(
                tag(
                    "span",
                    str(count) if count else "·",
                    class_=f"cell {'hit' if true == column else 'miss'}",
                    style=f"--share:{share:.3f}",
                    title=f"{names[true]} taken for {names[column]}: "
                    f"{count} of {int(totals[true, 0])}, {share:.1%}",
                )
            )
        rows.append(cells)
    head: list[Child] = ["True class"]
    head += [tag("span", name, class_="slanted") for name in names]
    caption = f"Confusion matrix, {int(counts.sum()):,} test examples; columns: predicted class"
    return tag("div", table(caption, head, rows), class_="confusion")


def _largest(names: list[str], counts: Array) -> Markup:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None)[::-1][:MATRIX_CLASSES]
    pairs = [divmod(int(place), len(counts)) for place in order]
    rows = [
        [names[true], names[predicted], f"{int(wrong[true, predicted]):,}"]
        for true, predicted in pairs
        if wrong[true, predicted]
    ]
    if not rows:
        return note("The SavedModel predicts the true class of every test example.")
    shown = table("The largest confusions", ["True", "Predicted", "Examples"], rows, numbers="2")
    return join([note(f"{len(counts)} classes are too many for a matrix."), shown])
