"""The outputs of a model that somebody brings: what their numbers mean, as far as it shows."""

import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import UserError
from models.brought.opened import OUTPUT
from models.roles.detection import BOXES, CLASSES, SCORES
from models.roles.table import ROLES, heads
from models.spec import Output
from pipeline.new import folder
from pipeline.new.names import LABEL, output_names
from pipeline.new.places import Place

# Rounding in sums and lengths that are 1.
_ROUNDING = 1e-3
_TENSOR = "tensor"
_SCORE_NAMES = re.compile(r"score|prob|conf", re.IGNORECASE)
_CLASS_NAMES = re.compile(r"class|label|categor", re.IGNORECASE)
_LOGIT_NAMES = re.compile(r"logit", re.IGNORECASE)
_MEANINGS: Mapping[str, str] = {
    "classification": "The value of each class, in the order of the labels.",
    "binary": "The probability of yes.",
    "multi_label": "The probability of each label, in the order of the labels.",
    "regression": "The number that the model predicts.",
    "segmentation": "The value of each class for each pixel.",
    "embedding": "A vector whose direction says what the input is like.",
    "tensor": "The model's numbers.",
    BOXES: "The corners of each box.",
    SCORES: "The score of each box.",
    CLASSES: "The class of each box.",
}
Shape = tuple[int, ...]
# Which shapes, without the batch, an output of the role may have.
_FITTING: Mapping[str, tuple[str, Callable[[Shape], bool]]] = {
    "classification": ("(classes,), at least two", lambda shape: len(shape) == 1 and shape[0] > 1),
    "binary": ("() or (1,)", lambda shape: shape in {(), (1,)}),
    "multi_label": ("(labels,)", lambda shape: len(shape) == 1),
    "segmentation": ("(height, width, classes)", lambda shape: len(shape) == 3),
    "detection": ("(boxes, 4), (boxes,) or (boxes, classes)", lambda shape: len(shape) in {1, 2}),
    "embedding": ("(numbers,)", lambda shape: len(shape) == 1),
}


@dataclass(frozen=True)
class Seen:
    """An output as it was seen.

    Attributes:
        theirs: its name in the model.
        values: the answers to made-up inputs, of the shape (n, …).
        operation: the type of the operation that makes it; empty where that is unknown.
    """

    theirs: str
    values: Array
    operation: str = ""

    @property
    def shape(self) -> Shape:
        return self.values.shape[1:]

    @property
    def floats(self) -> bool:
        # NumPy has no letter for bfloat16.
        return self.values.dtype.kind in "fV" or "float" in self.values.dtype.name


@dataclass(frozen=True)
class Answer:
    """An output of the new model.

    Attributes:
        theirs: its name in the model.
        output: what it is, as far as it is known.
        why: why it has this role, as a part of a sentence.
        unsure: whether nothing says what its numbers mean.
    """

    theirs: str
    output: Output
    why: str
    unsure: bool = False

    @property
    def told(self) -> str:
        """Returns the output in words."""
        output = self.output
        role = f"{output.role} ({output.part})" if output.part else output.role
        name = "" if output.name == OUTPUT else f" {output.name}"
        text = f"output{name}: {output.dtype} {output.shape}, {role}, as {self.why}"
        if output.labels:
            text += f"; labels: {', '.join(output.labels[:2])} …"
        if output.threshold != Output.threshold:
            text += f"; threshold {output.threshold:g}, as no made-up input gives a higher score"
        return text

    @property
    def offer(self) -> str:
        """Returns how to say what its numbers mean; empty where that is known."""
        if not self.unsure:
            return ""
        roles = [role for role, (_, fits) in _FITTING.items() if fits(self.output.shape)]
        return (
            f"NOTE: nothing says what the numbers of the output {self.output.name} mean, so they "
            f"are compared as numbers. If you know it, say so with --role {self.output.name}=ROLE: "
            f"{', '.join([*(role for role in roles if role != 'detection'), 'regression'])}"
        )

    def source(self) -> str:
        """Returns the Output that describes it, as Python source."""
        output = self.output
        lines = {
            "name": folder.literal(output.name),
            "dtype": folder.literal(output.dtype),
            "shape": repr(output.shape),
            "description": folder.literal(output.description),
            "role": folder.literal(output.role),
            "part": folder.literal(output.part) if output.part else "",
            "labels": _labels_source(output),
            "threshold": repr(output.threshold) if _has_threshold(output) else "",
            "label_key": folder.literal(output.label_key),
        }
        text = "".join(f"    {key}={value},\n" for key, value in lines.items() if value)
        text = text.replace("    role=", f"    # INFERRED: {self.why}.\n    role=")
        return textwrap.indent(f"Output(\n{text}),\n", " " * 8)


def inferred(
    seen: Sequence[Seen], inputs: Sequence[Place], asked: Mapping[str, str]
) -> tuple[Answer, ...]:
    """Returns the outputs with their roles.

    Args:
        seen: the outputs.
        inputs: the inputs.
        asked: the roles that the user gives, by an output's name here or in the model.

    Raises:
        UserError: a role is unknown, does not fit the output, or the output does not exist.
    """
    names = output_names([each.theirs for each in seen], [place.name for place in inputs])
    roles = _asked(seen, names, asked)
    parts = _detection([each for each in seen if each.theirs not in roles])
    parts |= _asked_parts([each for each in seen if roles.get(each.theirs) == "detection"])
    answers = []
    for each, name in zip(seen, names, strict=True):
        if part := parts.get(each.theirs):
            role, why, unsure = "detection", "its outputs are boxes and their scores", False
        elif each.theirs in roles:
            role, part, why, unsure = roles[each.theirs], "", "--role says it", False
        else:
            role, why = _role(each, inputs)
            part, unsure = "", not why
            why = why or "nothing says what its numbers mean"
        output = Output(
            name,
            "float32" if each.floats else each.values.dtype.name,
            each.shape,
            _MEANINGS[part or role],
            role=role,
            part=part,
            label_key="",
        )
        output = replace(output, labels=tuple(_labels(output)), threshold=_threshold(each, output))
        answers.append(Answer(each.theirs, output, why, unsure))
    # The first output is the one that is shown first, so plain numbers come last.
    return _with_label_keys(sorted(answers, key=lambda each: each.output.role == _TENSOR))


def _asked(seen: Sequence[Seen], names: Sequence[str], asked: Mapping[str, str]) -> dict[str, str]:
    """Returns the roles that the user gives, by the model's own names."""
    roles = {}
    for given, role in asked.items():
        found = [
            each for each, name in zip(seen, names, strict=True) if given in {name, each.theirs}
        ]
        if not found:
            raise UserError(
                f"--role names the output {given!r}, which the model does not have; it has: "
                f"{', '.join(names)}"
            )
        if role not in ROLES:
            raise UserError(f"--role must give a role of {', '.join(ROLES)}, got {role!r}")
        words, fits = _FITTING.get(role, ("any shape", lambda _: True))
        if not fits(found[0].shape):
            raise UserError(
                f"--role {given}={role} needs an output of the shape {words}, got {found[0].shape}"
            )
        roles[found[0].theirs] = role
    return roles


def _role(seen: Seen, inputs: Sequence[Place]) -> tuple[str, str]:
    """Returns a role and why; the reason is empty where nothing shows it."""
    shape, values = seen.shape, seen.values
    if not seen.floats:
        return _TENSOR, "its values are not probabilities or measurements"
    softmax, sigmoid = seen.operation == "Softmax", seen.operation == "Sigmoid"
    of_input = next((place.name for place in inputs if _could_be(place, shape)), "")
    several = bool(shape) and shape[-1] > 1
    if several and not softmax and _sums_to_one(values):
        softmax, reason = True, "its values add up to 1"
    else:
        reason = "it ends in a softmax"
    if softmax and several and len(shape) == 1:
        return "classification", reason
    if softmax and several and _is_picture(shape):
        return "segmentation", reason
    if of_input:
        return _TENSOR, f"it has the shape of the input {of_input}"
    if sigmoid and shape in {(), (1,)}:
        return "binary", "it ends in a sigmoid"
    if sigmoid and len(shape) == 1:
        return "multi_label", "it ends in a sigmoid"
    if sigmoid and _is_picture(shape) and shape[-1] == 1:
        return "segmentation", "it ends in a sigmoid"
    if shape in {(), (1,)}:
        return "regression", "it is one number"
    if len(shape) == 1 and several and _unit_length(values):
        return "embedding", "its vectors have the length 1"
    if len(shape) == 1 and several and _LOGIT_NAMES.search(seen.theirs):
        return "classification", "its name is that of logits"
    return _TENSOR, ""


def _detection(seen: Sequence[Seen], *, certain: bool = False) -> dict[str, str]:
    """Returns the part of each output that belongs to a detection, by the model's own names.

    Args:
        seen: the outputs.
        certain: whether the user says that they are a detection.
    """
    boxes = [each for each in seen if each.floats and len(each.shape) == 2 and each.shape[1] == 4]
    for box in sorted(boxes, key=lambda each: "box" not in each.theirs.lower()):
        rest = [each for each in seen if each is not box and each.shape[:1] == box.shape[:1]]
        scores = [each for each in rest if _is_scores(each)]
        if not scores and len(boxes) == 1 and box.shape[0] > 1:
            # Without names: the only other output, whose values are like probabilities.
            scores = [each for each in rest if certain or _in_unit(each.values)]
            scores = [each for each in scores if each.floats and len(each.shape) in {1, 2}]
            scores = scores if len(scores) == 1 else []
        if not scores:
            continue
        score = min(scores, key=lambda each: len(each.shape))
        parts = {box.theirs: BOXES, score.theirs: SCORES}
        for each in rest:
            if len(each.shape) == 1 and _CLASS_NAMES.search(each.theirs) and each is not score:
                return {**parts, each.theirs: CLASSES}
        return parts
    return {}


def _is_scores(seen: Seen) -> bool:
    if not seen.floats or len(seen.shape) not in {1, 2}:
        return False
    if len(seen.shape) == 2 and _CLASS_NAMES.search(seen.theirs):
        return True
    return bool(_SCORE_NAMES.search(seen.theirs))


def _asked_parts(seen: Sequence[Seen]) -> dict[str, str]:
    """Returns the parts of outputs of which the user says that they are a detection."""
    if not seen:
        return {}
    parts = _detection(seen, certain=True)
    if set(parts) != {each.theirs for each in seen}:
        raise UserError(
            "--role OUTPUT=detection must be given for boxes of the shape (boxes, 4) and scores of "
            "the shape (boxes,) or (boxes, classes), and classes, (boxes,), where there are any; "
            f"got {', '.join(f'{each.theirs} {each.shape}' for each in seen)}"
        )
    return parts


def _threshold(seen: Seen, output: Output) -> float:
    """Returns the threshold; lower than usual where no score would be above it."""
    usual = Output.threshold
    if output.part != SCORES or (seen.values > usual).any():
        return usual
    best = seen.values.reshape(len(seen.values), -1).max(axis=1)
    # As many boxes as not are above it in half of the examples.
    return float(f"{float(np.median(best)) * 0.99:.2g}")


def _labels(output: Output) -> list[str]:
    if output.role == "classification" or (output.role == "segmentation" and output.shape[-1] > 1):
        return [f"class {number}" for number in range(output.shape[-1])]
    if output.role == "multi_label":
        return [f"label {number}" for number in range(output.shape[0])]
    return []


def _labels_source(output: Output) -> str:
    if not output.labels:
        return ""
    kind = output.labels[0].split()[0]
    return f'tuple(f"{kind} {{number}}" for number in range({len(output.labels)}))'


def _has_threshold(output: Output) -> bool:
    of_pixels = output.role == "segmentation" and output.shape[-1] == 1
    return output.role in {"binary", "multi_label"} or output.part == SCORES or of_pixels


def _with_label_keys(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Returns the outputs with the features of their true answers: the model's own decisions.

    Roles without a score need none. Boxes of the model itself would be no true answer.
    """
    several = len(heads(answer.output for answer in answers)) > 1

    def keyed(output: Output) -> Output:
        if ROLES[output.role].score_of is None or output.role == "detection":
            return output
        return replace(output, label_key=f"{LABEL}_{output.name}" if several else LABEL)

    return tuple(replace(answer, output=keyed(answer.output)) for answer in answers)


def _could_be(place: Place, shape: Shape) -> bool:
    """Returns whether an output of the shape could be this input, made again."""
    measured = place.dtype in {"float32", "uint8"} and place.ids is None
    return measured and place.shape == shape and prod(shape) > 1


def _is_picture(shape: Shape) -> bool:
    return len(shape) == 3 and min(shape[:2]) > 1


def _in_unit(values: Array) -> bool:
    return bool(values.min() >= 0 and values.max() <= 1)


def _sums_to_one(values: Array) -> bool:
    return bool(values.min() >= 0 and _near_one(values.astype(np.float64).sum(axis=-1)))


def _unit_length(values: Array) -> bool:
    return _near_one(np.linalg.norm(values.astype(np.float64), axis=-1))


def _near_one(values: Any) -> bool:
    return bool(np.abs(values - 1).max() < _ROUNDING)
