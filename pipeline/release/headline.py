"""The headline score in a manifest's metrics, and how scores are printed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# Scores that are shares of examples, which people read as per cent.
SHARES = ("accuracy",)
MADE_UP = "made-up inputs"
OWN_ANSWERS = (
    "The inputs are made up, so there is nothing but the SavedModel's own answers to compare with: "
    "how good the model is was not measured."
)


@dataclass(frozen=True)
class Headline:
    """How good a release's model is, as one number.

    Attributes:
        name: the score's name, such as ``accuracy`` or ``R²``; empty if there is none.
        value: the score over all test examples; None if there is none.
        made_up: whether the inputs are made up, so that the true answers are the model's own. The
            score then says nothing of the model, and both others are empty.
    """

    name: str
    value: float | None
    made_up: bool = False

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> "Headline":
        """Returns the score in a manifest's ``metrics``."""
        if metrics.get("made_up"):
            return cls("", None, made_up=True)
        accuracy = metrics.get("accuracy")
        # Releases from before outputs had roles have an accuracy alone.
        value = metrics.get("score", accuracy)
        name = metrics.get("metric") or ("accuracy" if accuracy is not None else "")
        return cls(name, None, False) if value is None else cls(name, float(value), False)

    @property
    def cell(self) -> str:
        """Returns the score for a table: its name where it is not an accuracy, and four digits."""
        if self.made_up:
            return MADE_UP
        return scored(self.name, self.value)


def scored(name: str, value: float | None) -> str:
    """Returns a score with four digits, after its name where it is not an accuracy."""
    if value is None:
        return ""
    return f"{value:.4f}" if name in ("", "accuracy") else f"{name} {value:.4f}"


def column(names: Iterable[str]) -> str:
    """Returns the heading of a column of scores with these names."""
    return "score" if {*names} - {"", "accuracy"} else "accuracy"


def capital(name: str) -> str:
    """Returns a score's name at the beginning of a line; names like mAP stay as they are."""
    return name if name[1:2].isupper() else name[:1].upper() + name[1:]


def measured(name: str, value: float, unit: str = "") -> str:
    """Returns a score or figure as people read it: a share as per cent, an error in its unit."""
    if name in SHARES:
        return f"{value:.2%}"
    if name in ("MAE", "RMSE"):
        return f"{value:.4g} {unit}".strip()
    return f"{value:.4f}"
