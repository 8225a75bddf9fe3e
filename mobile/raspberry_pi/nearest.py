"""Finds the release's example whose embedding is the nearest to an answer's."""

import json
from pathlib import Path
from typing import Any

import numpy as np

# The file beside this one; on the Pi there is no package.
from roles import Head  # type: ignore[import-not-found]

FILE = "nearest.json"


class NearestError(Exception):
    """There is nothing to compare with; the message says why."""


class Nearest:
    """The examples of the release, with their embeddings and true labels."""

    def __init__(self, folder: Path, contract: dict[str, Any]) -> None:
        """Raises NearestError when the folder has no examples with embeddings."""
        file = folder / FILE
        try:
            self._examples: list[dict[str, Any]] = json.loads(file.read_text())["examples"]
        except OSError:
            raise NearestError("the model has no embedding, so no example is the nearest") from None
        except (ValueError, KeyError, TypeError) as error:
            raise NearestError(f"{file} is damaged: {error}") from None
        self._labels: list[str] = contract["labels"]
        self._kind = "made-up input" if contract.get("made_up") else "test example"

    def decision(self, head: Head, answer: dict[str, Any]) -> dict[str, Any]:
        """Returns the place of the nearest example, from 1, its label, and the cosine to it."""
        vectors = np.array([each["outputs"][head.name] for each in self._examples], np.float64)
        vector = np.ravel(answer[head.name]).astype(np.float64)
        vectors = vectors.reshape(len(vectors), -1)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector)
        cosines = vectors @ vector / np.where(lengths > 0, lengths, 1)
        best = int(cosines.argmax())
        return {"example": best + 1, "label": self._label(best), "cosine": float(cosines[best])}

    def words(self, decision: dict[str, Any]) -> str:
        """Returns what a decision says, for people."""
        label = f" ({decision['label']})" if decision["label"] is not None else ""
        return (
            f"nearest: {self._kind} {decision['example']}{label}, cosine {decision['cosine']:.3f}"
        )

    def _label(self, place: int) -> Any:
        """Returns an example's true class by its name; None where it is unknown or not a class."""
        label = self._examples[place]["label"]
        known = isinstance(label, int) and 0 <= label < len(self._labels)
        return self._labels[label] if known else label
