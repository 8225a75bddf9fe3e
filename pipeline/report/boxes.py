"""The quality of a detection: how many things of each class it finds, and pictures with boxes."""

from collections.abc import Iterable

import numpy as np

from core.agreement.golden import Golden
from core.arrays import Array
from models.roles.detection import BOXES, OVERLAP, Detection, overlap
from models.roles.role import Head
from models.spec import ModelSpec, Output, Tensor
from pipeline.html.markup import Child, Markup, join, note, table, tag
from pipeline.report import pictures
from pipeline.report.classes import class_name

# Nobody looks at more.
SHOWN = 6

Found = tuple[Array, Array, Array]


def boxes(spec: ModelSpec, golden: Golden, head: Head) -> Markup:
    """Returns the numbers of true, found and missed boxes, and the examples that miss most."""
    role = head.role
    assert isinstance(role, Detection)  # noqa: S101 - chosen by the role
    found = role.found(head.outputs, golden.outputs)
    present = [rows[rows[:, 4] >= 0] for rows in golden.truths[head.name]]
    hits = [_hits(one, rows) for one, rows in zip(found, present, strict=True)]
    counted = _counts(golden, head, found, present, hits)
    tensor = pictures.input_picture(spec, golden)
    if tensor is None:
        return join([counted, note("The boxes are not drawn: no input is a picture.")])
    wrong = [
        len(rows) + len(one[0]) - 2 * int(hit.sum())
        for one, rows, hit in zip(found, present, hits, strict=True)
    ]
    worst = np.argsort([-number for number in wrong], kind="stable")[:SHOWN]
    cards = [
        _card(golden, head, tensor, int(place), found[place], present[place]) for place in worst
    ]
    return join(
        [
            counted,
            tag("p", f"The {len(cards)} examples with the most boxes that are missed or wrong: ",
                tag("span", tag("i", class_="key s1"), "predicted, ",
                    tag("i", class_="key s2"), "true, dashed")),
            tag("ul", cards, class_="cards answers"),
        ]
    )  # fmt: skip


def _hits(found: Found, rows: Array) -> Array:
    """Returns which true boxes a found one of their class overlaps, (k,)."""
    near = overlap(rows[:, :4].astype(np.float64), found[0]) >= OVERLAP
    alike = rows[:, 4][:, None].astype(np.int64) == found[2][None]
    return np.asarray((near & alike).any(axis=1))


def _counts(
    golden: Golden, head: Head, found: list[Found], present: list[Array], hits: list[Array]
) -> Markup:
    true = np.concatenate([rows[:, 4] for rows in present]).astype(np.int64)
    said = np.concatenate([classes for _, _, classes in found]).astype(np.int64)
    hit = np.concatenate(hits)
    rows = [
        [
            _label(head, int(number)),
            f"{int((true == number).sum()):,}",
            f"{int(hit[true == number].sum()):,}",
            f"{int((said == number).sum()):,}",
        ]
        for number in np.union1d(true, said)
    ]
    return table(
        f"Boxes of {len(golden):,} test examples; found: with an overlap of {OVERLAP:g} or more",
        ["Class", "True boxes", "Of these found", "Predicted boxes"],
        rows,
        numbers="1 2 3",
    )


def _card(
    golden: Golden, head: Head, tensor: Tensor, place: int, found: Found, rows: Array
) -> Markup:
    output = next(output for output in head.outputs if output.part == BOXES)
    picture = golden.inputs[tensor.name][place]
    size = (picture.shape[0], picture.shape[1])
    drawn = [
        *_rectangles(output, size, rows[:, :4], "s2"),
        *_rectangles(output, size, found[0], "s1"),
    ]
    answers = [
        f"{_label(head, int(kind))} {score:.1%}"
        for score, kind in zip(found[1], found[2], strict=True)
    ]
    true = [_label(head, int(kind)) for kind in rows[:, 4]]
    alt = f"Example {place} with boxes"
    return tag(
        "li",
        tag(
            "div",
            tag("img", src=pictures.data_uri(picture, tensor), alt=alt, width=160),
            tag("svg", drawn, viewBox="0 0 1 1", preserveAspectRatio="none", aria_hidden="true"),
            class_="framed",
        ),
        tag(
            "div",
            tag("p", tag("b", f"Example {place}")),
            tag("dl", [tag("dt", "predicted"), tag("dd", ", ".join(answers) or "nothing"),
                       tag("dt", "true"), tag("dd", ", ".join(true) or "nothing")]),
        ),
    )  # fmt: skip


def _rectangles(
    output: Output, size: tuple[int, int], corners: Array, kind: str
) -> Iterable[Child]:
    for left, top, right, bottom in in_shares(output, size, corners).tolist():
        place = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        # A lighter, wider line below makes it visible on any picture.
        yield from (tag("rect", class_=f"box {each}", **place) for each in ("below", kind))


def in_shares(output: Output, size: tuple[int, int], corners: Array) -> Array:
    """Returns boxes as left, top, right and bottom in shares of the picture, within it.

    Args:
        output: says what the corners are.
        size: the picture's height and width.
        corners: (n, 4).
    """
    order = [0, 1, 2, 3] if output.box_format.endswith("xyxy") else [1, 0, 3, 2]
    placed = corners.astype(np.float64)[:, order]
    if not output.box_format.startswith("rel_"):
        placed = placed / [size[1], size[0], size[1], size[0]]
    low, high = np.minimum(placed[:, :2], placed[:, 2:]), np.maximum(placed[:, :2], placed[:, 2:])
    return np.asarray(np.clip(np.concatenate([low, high], axis=1), 0, 1))


def _label(head: Head, number: int) -> str:
    named = next((output for output in head.outputs if output.labels), head.outputs[0])
    return class_name(named, number)
