"""The golden set: raw inputs of held-out examples, with the SavedModel's answers to them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import UserError
from models.contract import SIGNATURE_TENSORS
from models.examples import plain, read
from models.roles.role import Head
from models.roles.table import heads
from models.spec import ModelSpec, Output

_DESCRIBED = "outputs.json"
# golden.json has at most this many numbers, which are about six megabytes: clients read it whole.
SAMPLE_VALUES = 1 << 19


@dataclass(frozen=True)
class Golden:
    """Held-out examples, their true answers, and the SavedModel's answers.

    Attributes:
        inputs: for each input of ``serving_default``, an array with one row per example.
        outputs: for each of its outputs, the SavedModel's values, of shape (n, …).
        truths: for each head with true answers, by the head's name, the answers, of shape (n, …).
        described: what the outputs are, in the spec's order.
        extremes: the number of rows at the end that are extreme inputs, not
            examples (core/agreement/extremes.py). They have no true answer.
    """

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    truths: Mapping[str, Array]
    described: tuple[Output, ...]
    extremes: int = 0

    def __post_init__(self) -> None:
        parts = {"input": self.inputs, "output": self.outputs, "true answer": self.truths}
        counts = {
            f"{part} {name}": len(rows)
            for part, arrays in parts.items()
            for name, rows in arrays.items()
        }
        if not self.inputs or not self.outputs or len(set(counts.values())) != 1:
            raise ValueError(f"inputs and outputs must have one number of examples, got {counts}")
        if not len(self):
            raise ValueError("there must be at least one example")
        if set(self.outputs) != {output.name for output in self.described}:
            raise ValueError(f"the outputs {sorted(self.outputs)} are not those of the description")

    def __len__(self) -> int:
        return len(next(iter(self.outputs.values())))

    @property
    def heads(self) -> tuple[Head, ...]:
        """Returns the heads of the model."""
        return heads(self.described)

    @property
    def examples(self) -> "Golden":
        """Returns the examples without the extreme inputs."""
        return self.rows(np.arange(len(self) - self.extremes))

    def with_extremes(self, extremes: "Golden | None") -> "Golden":
        """Returns the examples with extreme inputs behind them; unchanged when there are none."""
        if extremes is None:
            return self
        return Golden(
            _joined(self.inputs, extremes.inputs),
            _joined(self.outputs, extremes.outputs),
            {
                name: np.concatenate(
                    [truth, np.zeros((len(extremes), *truth.shape[1:]), truth.dtype)]
                )
                for name, truth in self.truths.items()
            },
            self.described,
            len(extremes),
        )

    def head(self, count: int | None) -> "Golden":
        """Returns the first ``count`` examples and the extreme inputs; None returns all of them."""
        examples = np.arange(len(self) - self.extremes)[:count]
        last = np.arange(len(self) - self.extremes, len(self))
        return replace(self.rows(np.concatenate([examples, last])), extremes=self.extremes)

    def spread(self, count: int) -> "Golden":
        """Returns ``count`` examples, taken from each class in turn in a fixed order.

        For roles without classes, examples whose true answers are alike count as a class.
        """
        head = next((head for head in self.heads if head.name in self.truths), None)
        groups = head.groups(self.truths[head.name]) if head else np.zeros(len(self), np.int64)
        order: list[int] = []
        queues = [list(np.flatnonzero(groups == group)) for group in np.unique(groups)]
        while len(order) < min(count, len(self)):
            order += [int(queue.pop(0)) for queue in queues if queue]
        return self.rows(np.array(order[:count]))

    def samples(self, count: int) -> "Golden":
        """Returns the examples that a release carries: ``count`` of them, fewer of large ones."""
        return self.spread(max(1, min(count, SAMPLE_VALUES // self.values)))

    @property
    def values(self) -> int:
        """Returns how many numbers and texts an example and its answers have."""
        arrays = (*self.inputs.values(), *self.outputs.values())
        return sum(int(array[0].size) for array in arrays)

    def rows(self, rows: Array) -> "Golden":
        """Returns the examples at these positions."""
        inputs, outputs, truths = (
            {name: values[rows] for name, values in arrays.items()}
            for arrays in (self.inputs, self.outputs, self.truths)
        )
        return Golden(inputs, outputs, truths, self.described)

    def save(self, folder: Path) -> None:
        """Writes one .npy file per array, which the Python of every runtime can map into memory."""
        folder.mkdir(parents=True, exist_ok=True)
        parts = {"input": self.inputs, "output": self.outputs, "truth": self.truths}
        for part, arrays in parts.items():
            for name, values in arrays.items():
                np.save(folder / f"{part}.{name}.npy", values)
        described = json.dumps([asdict(output) for output in self.described], indent=1)
        (folder / _DESCRIBED).write_text(described)

    @classmethod
    def load(cls, folder: Path) -> "Golden":
        """Returns a saved set. Raises FileNotFoundError when one of its files is missing."""
        entries = json.loads((folder / _DESCRIBED).read_text())
        described = tuple(_output(entry) for entry in entries)
        outputs = {
            output.name: np.load(folder / f"output.{output.name}.npy") for output in described
        }
        return cls(_arrays(folder, "input"), outputs, _arrays(folder, "truth"), described)

    def to_json(self, *, model: str, version: int | None) -> str:
        """Returns the text of ``golden.json``; printed floats read back as the same values.

        ``label`` is the true answer of the first output; ``labels`` has those of all outputs, where
        the model has several.
        """
        first, several = self.described[0].name, len(self.described) > 1
        examples = [
            {
                "inputs": _row(self.inputs, row),
                "outputs": _row(self.outputs, row),
                "label": _row(self.truths, row).get(first),
                **({"labels": _row(self.truths, row)} if several else {}),
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
    inputs, outputs, truths = [], [], []
    for batch, truth in read(spec, pattern, batch_size=spec.batch(500)):
        inputs.append({tensor.name: plain(batch[tensor.name].numpy()) for tensor in spec.inputs})
        answers = signature(**batch)
        outputs.append({output.name: answers[output.name].numpy() for output in spec.outputs})
        named = truth if isinstance(truth, Mapping) else {spec.outputs[0].name: truth}
        truths.append({name: values.numpy() for name, values in named.items()})
    return Golden(
        _concatenated(inputs), _concatenated(outputs), _concatenated(truths), spec.outputs
    )


def read_golden(file: Path, spec: ModelSpec) -> Golden:
    """Returns the examples of a release's ``golden.json``.

    Raises:
        UserError: the file is missing, or is not a release's ``golden.json``.
    """
    try:
        examples = json.loads(file.read_text())["examples"]
        inputs = {
            tensor.name: np.array(
                [example["inputs"][tensor.name] for example in examples], tensor.numpy_dtype
            )
            for tensor in spec.inputs
        }
        outputs = {
            output.name: np.array(
                [example["outputs"][output.name] for example in examples], output.numpy_dtype
            )
            for output in spec.outputs
        }
        truths = [
            example.get("labels", {spec.outputs[0].name: example["label"]}) for example in examples
        ]
        known = {
            name: np.array([truth[name] for truth in truths])
            for name in spec.label_keys
            if truths[0].get(name) is not None
        }
        return Golden(inputs, outputs, known, spec.outputs)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(f"{file} is not a release's golden.json: {error}") from error


def _output(entry: Mapping[str, Any]) -> Output:
    lists = {name: tuple(value) for name, value in entry.items() if isinstance(value, list)}
    return Output(**{**entry, **lists})


def _arrays(folder: Path, part: str) -> dict[str, Array]:
    prefix, suffix = f"{part}.", ".npy"
    return {
        file.name.removeprefix(prefix).removesuffix(suffix): np.load(file)
        for file in sorted(folder.glob(f"{prefix}*{suffix}"))
    }


def _joined(first: Mapping[str, Array], then: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.concatenate([values, then[name]]) for name, values in first.items()}


def _concatenated(batches: list[dict[str, Array]]) -> dict[str, Array]:
    names = batches[0] if batches else ()
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}


def _row(arrays: Mapping[str, Array], row: int) -> dict[str, Any]:
    # A float32 printed as float64 has more digits than needed; every reader gets the same float32.
    return {name: np.asarray(values[row]).tolist() for name, values in arrays.items()}
