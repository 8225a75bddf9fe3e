"""What each kind of answer says: one small class a role, in one table.

A role's ``decision`` is what ``--json`` prints of an answer, and its ``words`` are the line for
people. Values have the contract's shape, without a batch.
"""

# ruff: noqa: ARG002 - a role that names no classes has no use for their number

from dataclasses import dataclass
from typing import Any

import numpy as np

# A line for people shows at most so many numbers of a vector; JSON has all of them.
MOST_NUMBERS = 8


@dataclass(frozen=True)
class Head:
    """Outputs that are one answer: one output, or boxes with their scores and classes.

    Attributes:
        name: the name of its first output.
        role: its role.
        outputs: the contract's outputs.
    """

    name: str
    role: "Role"
    outputs: tuple[dict[str, Any], ...]

    @property
    def labels(self) -> list[str]:
        """Returns the names of its classes; empty where they have none."""
        return next((list(output["labels"]) for output in self.outputs if output["labels"]), [])

    @property
    def unit(self) -> str:
        """Returns the unit of its numbers; empty where there is none."""
        return str(self.outputs[0].get("unit", ""))

    @property
    def threshold(self) -> float:
        """Returns the value above which it says yes; a detection's scores have it."""
        scores = [output for output in self.outputs if output.get("part") == "scores"]
        return float((scores or self.outputs)[0].get("threshold", 0.5))

    @property
    def sides(self) -> tuple[str, str]:
        """Returns the names of no and of yes, where one probability decides."""
        if len(self.labels) == 1:
            return f"not {self.labels[0]}", self.labels[0]
        return (self.labels[0], self.labels[1]) if self.labels else ("no", "yes")

    def label(self, place: int) -> str:
        """Returns the name of a class."""
        return self.labels[place] if 0 <= place < len(self.labels) else f"class {place}"

    def decision(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Returns what the answer says, as JSON values; ``answer`` has all outputs by name."""
        return {"role": self.role.name, **self.role.decision(self, answer)}

    def words(self, answer: dict[str, Any], top: int) -> str:
        """Returns what the answer says, for people; ``top`` is the number of classes to name."""
        return self.role.words(self, answer, top)


class Role:
    """Numbers of which nothing else is known."""

    name = "tensor"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        """Returns what the answer says, as JSON values."""
        return {"shape": list(answer[head.name].shape)}

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        """Returns what the answer says, for people."""
        values = answer[head.name]
        return f"shape {tuple(values.shape)}: {_numbers(values)}"


class Classification(Role):
    """One class of several."""

    name = "classification"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        values = answer[head.name].ravel()
        best = int(values.argmax())
        return {"label": head.label(best), "probability": float(values[best])}

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        values = answer[head.name].ravel()
        best = np.argsort(-values.astype(np.float64), kind="stable")[:top]
        written = _writer(values)
        return ", ".join(f"{head.label(int(place))} {written(values[place])}" for place in best)


class Binary(Role):
    """Yes or no, by a threshold. ``probability`` is that of yes."""

    name = "binary"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        value = answer[head.name].ravel()[0]
        yes = bool(value > head.threshold)
        return {"label": head.sides[yes], "answer": yes, "probability": float(value)}

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        value = answer[head.name].ravel()[0]
        no, yes = head.sides
        chance = f"{yes} {_writer(value)(value)}"
        return chance if value > head.threshold else f"{no} ({chance})"


class MultiLabel(Role):
    """Any number of labels: those above the threshold."""

    name = "multi_label"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        return {"labels": [head.label(place) for place in self._above(head, answer)]}

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        values = answer[head.name].ravel()
        written = _writer(values)
        named = [
            f"{head.label(each)} {written(values[each])}" for each in self._above(head, answer)
        ]
        return ", ".join(named) or f"nothing above {written(head.threshold)}"

    @staticmethod
    def _above(head: Head, answer: dict[str, Any]) -> list[int]:
        values = answer[head.name].ravel().astype(np.float64)
        best = np.argsort(-values, kind="stable")
        return [int(place) for place in best if values[place] > head.threshold]


class Regression(Role):
    """Numbers in a unit."""

    name = "regression"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        values = answer[head.name]
        value = plain(values.ravel()[0] if values.size == 1 else values)
        return {"value": value, "unit": head.unit}

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        values = answer[head.name].ravel()
        unit = f" {head.unit}" if head.unit else ""
        if len(values) == len(head.labels):
            pairs = zip(head.labels, values, strict=True)
            return ", ".join(f"{label} {value:.6g}{unit}" for label, value in pairs)
        return f"{_numbers(values)}{unit}"


class Segmentation(Role):
    """A class for each pixel."""

    name = "segmentation"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        return {"shares": dict(self._shares(head, answer))}

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        return ", ".join(
            f"{label} {share:.1%}" for label, share in self._shares(head, answer)[:top]
        )

    def mask(self, head: Head, answer: dict[str, Any]) -> Any:
        """Returns the class of each pixel, int64, of the shape (height, width)."""
        values = answer[head.name]
        if values.shape[-1] == 1:
            return (values[..., 0] > head.threshold).astype(np.int64)
        return values.argmax(axis=-1)

    def _shares(self, head: Head, answer: dict[str, Any]) -> list[tuple[str, float]]:
        """Returns the share of the pixels of each class that occurs, the largest first."""
        classes, counts = np.unique(self.mask(head, answer), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        total = counts.sum()
        one = answer[head.name].shape[-1] == 1
        names = [head.sides[each] if one else head.label(int(each)) for each in classes]
        return [(names[each], float(counts[each] / total)) for each in order]


class Detection(Role):
    """Boxes above the threshold, with a label and a score each."""

    name = "detection"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        return {
            "boxes": [
                {"label": label, "score": score, "box": corners}
                for label, score, corners in self.found(head, answer)
            ]
        }

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        found = self.found(head, answer)
        named = [f"{label} {score:.1%} at {_numbers(box)}" for label, score, box in found]
        return "; ".join(named) or f"nothing above {head.threshold:.1%}"

    def found(self, head: Head, answer: dict[str, Any]) -> list[tuple[str, float, list[float]]]:
        """Returns each box's label, score and corners as the model has them, best scores first."""
        named = {output["part"]: answer[output["name"]] for output in head.outputs}
        scores, boxes = named["scores"].astype(np.float64), named["boxes"].astype(np.float64)
        if scores.ndim == 2:
            classes, scores = scores.argmax(axis=1), scores.max(axis=1)
        else:
            classes = named.get("classes", np.zeros(scores.shape)).round().astype(np.int64)
        return [
            (head.label(int(classes[row])), float(scores[row]), boxes[row].tolist())
            for row in np.argsort(-scores, kind="stable")
            if scores[row] > head.threshold
        ]


class Embedding(Role):
    """A vector whose direction says what the input is like."""

    name = "embedding"

    def words(self, head: Head, answer: dict[str, Any], top: int) -> str:
        return _numbers(answer[head.name])


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Classification(),
        Binary(),
        MultiLabel(),
        Regression(),
        Segmentation(),
        Detection(),
        Embedding(),
        Role(),
    )
}


def heads_of(contract: dict[str, Any]) -> tuple[Head, ...]:
    """Returns the heads in the order of their first outputs; a detection's outputs are one head.

    Raises:
        KeyError: the contract lacks a field, or names a role that is not in the table.
    """
    together: dict[str, list[dict[str, Any]]] = {}
    for output in contract["outputs"]:
        # Contracts from before outputs had roles describe one classification.
        described = {"role": "classification", "labels": contract["labels"], **output}
        alone = described["role"] != Detection.name
        # No output has the empty name.
        together.setdefault(output["name"] if alone else "", []).append(described)
    return tuple(_head(outputs) for outputs in together.values())


def _head(outputs: list[dict[str, Any]]) -> Head:
    # Boxes, classes, scores, as the names of a release's heads are made.
    ordered = sorted(outputs, key=lambda output: output.get("part", ""))
    return Head(ordered[0]["name"], ROLES[ordered[0]["role"]], tuple(ordered))


def plain(values: Any) -> Any:
    """Returns an output's values as JSON values: texts for bytes, lists for arrays."""
    listed = np.asarray(values).tolist()
    return _texts(listed) if np.asarray(values).dtype.kind in "OS" else listed


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(each) for each in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _writer(values: Any) -> Any:
    """Returns what writes these values: as per cent, unless they are not probabilities."""
    values = np.asarray(values, np.float64)
    # Rounding may put a probability a little above 1.
    if values.min() >= 0 and values.max() <= 1.001:
        return lambda value: f"{value:.1%}"
    return lambda value: f"{value:.4g}"


def _numbers(values: Any) -> str:
    flat = np.ravel(values)
    shown = ", ".join(_number(value) for value in flat[:MOST_NUMBERS])
    return shown if len(flat) <= MOST_NUMBERS else f"{shown}, … ({len(flat)} numbers)"


def _number(value: Any) -> str:
    if isinstance(value, bytes | str | bool | np.bool_):
        return str(plain(value))
    return f"{value:.6g}"
