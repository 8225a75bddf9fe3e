"""The quality of a segmentation: its overlap with the true classes, and pictures under masks."""

import numpy as np

from core.agreement.golden import Golden
from core.arrays import Array
from models.roles.role import Head
from models.roles.segmentation import Segmentation, overlaps
from models.spec import ModelSpec, Output
from pipeline.html import charts
from pipeline.html.markup import Child, Markup, join, table, tag
from pipeline.report import pictures
from pipeline.report.classes import class_name, sides

# Nobody looks at more, and each takes two pictures.
SHOWN = 6


def masks(spec: ModelSpec, golden: Golden, head: Head) -> Markup:
    """Returns each class' overlap, and the examples with the fewest right pixels."""
    role, output = head.role, head.outputs[0]
    assert isinstance(role, Segmentation)  # noqa: S101 - chosen by the role
    truth = golden.truths[head.name].astype(np.int64)
    said = head.truth(golden.outputs)
    counts = role.counts(head.outputs, golden.outputs, truth)
    shares = {_name(output, number): share for number, share in overlaps(counts)}
    bars = charts.bars(
        f"Intersection over union of each class, over all pixels of {len(golden):,} test examples",
        shares,
    )
    confused = table(
        "Classes of pixels",
        ["Class", "True pixels", "Predicted pixels"],
        [
            [
                [_swatch(number), _name(output, number)],
                f"{int(counts[number].sum()):,}",
                f"{int(counts[:, number].sum()):,}",
            ]
            for number, _ in overlaps(counts)
        ],
        numbers="1 2",
    )
    right = (said == truth).reshape(len(golden), -1).mean(axis=1)
    worst = np.argsort(right, kind="stable")[:SHOWN]
    cards = [_card(spec, golden, int(place), said, truth, float(right[place])) for place in worst]
    return join(
        [
            tag("div", bars, confused, class_="pair"),
            tag("p", f"The {len(cards)} examples with the fewest right pixels, worst first:"),
            tag("ul", cards, class_="cards answers"),
        ]
    )


def _card(
    spec: ModelSpec, golden: Golden, place: int, said: Array, truth: Array, right: float
) -> Markup:
    tensor = pictures.input_picture(spec, golden)
    if tensor is None:
        picture = np.full((*truth.shape[1:3], 3), 40, np.uint8)
    else:
        picture = pictures.pixels(golden.inputs[tensor.name][place], tensor)
    shown = [
        tag(
            "figure",
            tag("img", src=pictures.png(pictures.masked(picture, mask[place])),
                alt=f"Example {place} under its {words} classes", width=120),
            tag("figcaption", words),
        )
        for words, mask in (("true", truth), ("predicted", said))
    ]  # fmt: skip
    return tag(
        "li", shown, tag("p", tag("b", f"Example {place}"), f" · {right:.1%} of its pixels right")
    )


def _name(output: Output, number: int) -> str:
    # One probability for each pixel decides between two sides.
    return (
        sides(output)[number]
        if output.shape[-1] == 1 and number < 2
        else class_name(output, number)
    )


def _swatch(number: int) -> Child:
    if not number:
        return tag("i", class_="key none")
    red, green, blue = pictures.colour(number)
    return tag("i", class_="key", style=f"background:rgb({red} {green} {blue})")
