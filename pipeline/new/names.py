"""This project's names of a model's inputs and outputs: lower case, without punctuation."""

import re
from collections.abc import Sequence

from models.brought.opened import distinct

# The features of an example that hold true answers have this name, or begin with it.
LABEL = "label"


def input_names(theirs: Sequence[str]) -> list[str]:
    """Returns a name for each of the model's own names; all are different."""
    names = (_plain(name) or "input" for name in theirs)
    return distinct([f"input_{name}" if _reserved(name) else name for name in names])


def output_names(theirs: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """Returns a name for each of the model's own names; none is that of an input."""
    names = (_plain(name) or "output" for name in theirs)
    clear = [f"output_{name}" if name[0].isdigit() or name in inputs else name for name in names]
    return distinct([*inputs, *clear])[len(inputs) :]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _reserved(name: str) -> bool:
    return name[0].isdigit() or name == LABEL or name.startswith(f"{LABEL}_")
