"""The golden set: raw inputs of held-out examples, with the SavedModel's answers to them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import UserError
from models.contract import SIGNATURE_TENSORS
from models.examples import plain, read
from models.spec import ModelSpec


@dataclass(frozen=True)
class Golden:
    """Held-out examples, their labels, and the SavedModel's answers.

    Attributes:
        inputs: for each input of ``serving_default``, an array with one row per example.
        labels: the true class of each example, int64, shape (n,).
        outputs: the SavedModel's class probabilities, float32, shape (n, classes).
        extremes: the number of rows at the end that are extreme inputs, not
            examples (core/agreement/extremes.py). They have no true class.
    """

    inputs: Mapping[str, Array]
    labels: Array
    outputs: Array
    extremes: int = 0

    def __post_init__(self) -> None:
        counts = {name: len(rows) for name, rows in self.inputs.items()}
        if not counts or set(counts.values()) != {len(self.labels)} != {0}:
            raise ValueError(f"inputs {counts} and {len(self.labels)} labels differ in number")
        if len(self.outputs) != len(self.labels) or not len(self.labels):
            raise ValueError(f"{len(self.outputs)} outputs for {len(self.labels)} examples")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Returns the share of examples whose top class is the true class."""
        examples = self.examples
        return float(np.mean(examples.outputs.argmax(axis=1) == examples.labels))

    @property
    def examples(self) -> "Golden":
        """Returns the examples without the extreme inputs."""
        return self._rows(np.arange(len(self) - self.extremes))

    def with_extremes(self, extremes: "Golden | None") -> "Golden":
        """Returns the examples with extreme inputs behind them; unchanged when there are none."""
        if extremes is None:
            return self
        return Golden(
            {
                name: np.concatenate([values, extremes.inputs[name]])
                for name, values in self.inputs.items()
            },
            np.concatenate([self.labels, extremes.labels]),
            np.concatenate([self.outputs, extremes.outputs]),
            len(extremes),
        )

    def head(self, count: int | None) -> "Golden":
        """Returns the first ``count`` examples and the extreme inputs; None returns all of them."""
        examples = np.arange(len(self) - self.extremes)[:count]
        last = np.arange(len(self) - self.extremes, len(self))
        return replace(self._rows(np.concatenate([examples, last])), extremes=self.extremes)

    def spread(self, count: int) -> "Golden":
        """Returns ``count`` examples, taken from each class in turn in a fixed order."""
        order: list[int] = []
        queues = [list(np.flatnonzero(self.labels == label)) for label in np.unique(self.labels)]
        while len(order) < min(count, len(self)):
            order += [int(queue.pop(0)) for queue in queues if queue]
        return self._rows(np.array(order[:count]))

    def _rows(self, rows: Array) -> "Golden":
        return Golden(
            {name: values[rows] for name, values in self.inputs.items()},
            self.labels[rows],
            self.outputs[rows],
        )

    def save(self, folder: Path) -> None:
        """Writes one .npy file per array, which the Python of every runtime can map into memory."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, values in self.inputs.items():
            np.save(folder / f"input.{name}.npy", values)
        np.save(folder / "labels.npy", self.labels)
        np.save(folder / "outputs.npy", self.outputs)

    @classmethod
    def load(cls, folder: Path) -> "Golden":
        """Returns a saved set. Raises FileNotFoundError when one of its files is missing."""
        prefix, suffix = "input.", ".npy"
        inputs = {
            file.name.removeprefix(prefix).removesuffix(suffix): np.load(file)
            for file in sorted(folder.glob(f"{prefix}*{suffix}"))
        }
        return cls(inputs, np.load(folder / "labels.npy"), np.load(folder / "outputs.npy"))

    def to_json(self, *, model: str, output: str, version: int | None) -> str:
        """Returns the text of ``golden.json``; printed floats read back as the same values."""
        examples = [
            {
                "inputs": {name: _json_values(values[row]) for name, values in self.inputs.items()},
                "outputs": {output: _json_values(self.outputs[row])},
                "label": int(self.labels[row]),
            }
            for row in range(len(self))
        ]
        document = {"schema": 1, "model": model, "version": version, "examples": examples}
        return json.dumps(document, separators=(",", ":")) + "\n"


def golden_set(saved_model: Path, spec: ModelSpec, pattern: str) -> Golden:
    """Returns a split's examples with the SavedModel's answers to them.

    Args:
        pattern: a glob that matches the split's TFRecord files.
    """
    import tensorflow as tf

    signature = tf.saved_model.load(str(saved_model)).signatures[SIGNATURE_TENSORS]
    batches = [
        (inputs, labels, signature(**inputs)[spec.outputs[0].name])
        for inputs, labels in read(spec, pattern, batch_size=500)
    ]
    return Golden(
        inputs={
            tensor.name: np.concatenate(
                [plain(inputs[tensor.name].numpy()) for inputs, _, _ in batches]
            )
            for tensor in spec.inputs
        },
        labels=np.concatenate([labels.numpy() for _, labels, _ in batches]),
        outputs=np.concatenate([outputs.numpy() for _, _, outputs in batches]),
    )


def read_golden(file: Path, spec: ModelSpec) -> Golden:
    """Returns the examples of a release's ``golden.json``.

    Raises:
        UserError: the file is missing, or is not a release's ``golden.json``.
    """
    try:
        examples = json.loads(file.read_text())["examples"]
        return Golden(
            inputs={
                tensor.name: np.array(
                    [example["inputs"][tensor.name] for example in examples], tensor.numpy_dtype
                )
                for tensor in spec.inputs
            },
            labels=np.array([example["label"] for example in examples], np.int64),
            outputs=np.array(
                [example["outputs"][spec.outputs[0].name] for example in examples], np.float32
            ),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is not a release's golden.json: {error}") from error


def _json_values(values: Array) -> Any:
    # A float32 printed as float64 has more digits than needed; every reader gets the same float32.
    return np.asarray(values).tolist()
