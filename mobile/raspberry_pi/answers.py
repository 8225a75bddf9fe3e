"""An answer of the model, and what it says: as JSON values, and in a line for people."""

from typing import Any

# The files beside this one; on the Pi there is no package.
from nearest import Nearest  # type: ignore[import-not-found]
from roles import Head, plain  # type: ignore[import-not-found]


class Answer:
    """The model's answer to one example.

    Attributes:
        values: each output's values by its name.
    """

    def __init__(
        self, heads: tuple[Head, ...], values: dict[str, Any], nearest: Nearest | None = None
    ) -> None:
        """Takes the examples that embeddings are compared with; None compares them with none."""
        self.values = values
        self._heads = heads
        self._nearest = nearest
        self._decisions = {head.name: head.decision(values) for head in heads}
        for head in heads:
            if nearest and head.role.name == "embedding":
                self._decisions[head.name]["nearest"] = nearest.decision(head, values)

    def words(self, top: int) -> str:
        """Returns what it says, for people; ``top`` is the number of classes to name."""
        parts = []
        for head in self._heads:
            words = head.words(self.values, top)
            if self._nearest and "nearest" in self._decisions[head.name]:
                words += f"; {self._nearest.words(self._decisions[head.name]['nearest'])}"
            parts.append(words if len(self._heads) == 1 else f"{head.name}: {words}")
        return " | ".join(parts)

    def fields(self) -> dict[str, Any]:
        """Returns its JSON: all outputs by name, what they say by head, and the first label."""
        first = next((head for head in self._heads if "label" in self._decisions[head.name]), None)
        label = {"label": self._decisions[first.name]["label"]} if first else {}
        outputs = {name: plain(values) for name, values in self.values.items()}
        return {**label, "outputs": outputs, "answers": self._decisions}

    def classes(self) -> list[tuple[str, float]] | None:
        """Returns the labels and values of the first output with classes; None without one."""
        for head in self._heads:
            if head.role.name == "classification":
                values = self.values[head.name].ravel().tolist()
                return [(head.label(place), value) for place, value in enumerate(values)]
        return None
