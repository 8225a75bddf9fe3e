"""The quality of numbers: the predicted ones against the true ones."""

from core.agreement.golden import Golden
from models.roles.role import Head
from pipeline.html import points
from pipeline.html.markup import Markup, join, note, tag

# More drawings than this are not compared by anybody.
MOST_DRAWINGS = 6


def against_true(golden: Golden, head: Head) -> Markup:
    """Returns a scatter for each number of an answer: across the true one, up the predicted one."""
    output = head.outputs[0]
    said = golden.outputs[head.name].reshape(len(golden), -1)
    right = golden.truths[head.name].reshape(len(golden), -1)
    unit = f", {output.unit}" if output.unit else ""
    drawn = []
    for place in range(min(said.shape[1], MOST_DRAWINGS)):
        name = output.labels[place] if place < len(output.labels) else f"number {place + 1}"
        which = f"{name}: predicted" if said.shape[1] > 1 else "Predicted"
        drawn.append(
            points.scatter(
                f"{which} and true on {len(golden):,} test examples",
                right[:, place].tolist(),
                said[:, place].tolist(),
                names=(f"true{unit}", f"predicted{unit}"),
            )
        )
    left = said.shape[1] - len(drawn)
    rest = note(f"{left} more numbers of each answer are not drawn.") if left else None
    return join([tag("div", drawn, class_="side-by-side" if len(drawn) > 1 else None), rest])
