"""Models that were trained elsewhere: a file of Keras or a SavedModel, checked and fanned out.

Where their data is unknown, they are run on made-up inputs. The true answer to each input is the
model's own decision. A score therefore says how much of the model survived the export, and
*agreement* says how much of that each target kept.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.arrays import Array
from core.errors import DataError
from models.brought.batches import in_batches
from models.brought.digest import digest_of
from models.brought.keras_file import open_keras
from models.brought.made_up import ANY, Values, made_up
from models.brought.opened import OUTPUT
from models.brought.saved_model import open_saved_model
from models.brought.truths import form_of_truth
from models.contract import SIGNATURE_TENSORS
from models.examples import Value
from models.roles.role import Head
from models.roles.table import heads
from models.spec import Output, Tensor
from models.tracing import portable

SEED = 7
BATCH = 32
# How many examples are made up where the profile does not say it.
COUNTS = {"train": 64, "eval": 16, "test": 128}
# The output of folders from before outputs had roles, as far as it matters here.
_CLASSES = Output(OUTPUT, "float32", (1,), "")


@dataclass(frozen=True)
class Existing:
    """A model file or folder, with its inputs and its outputs.

    Attributes:
        path: a file of Keras or a SavedModel's folder.
        digest: the digest of its contents, which identifies it.
        inputs: the inputs of the exported model, under this project's names.
        names: for each of these names, the model's own name of the input.
        output: of folders from before there were several outputs, the model's own name of its
            output; empty where it has only one.
        trusted: whether code in a file of Keras (Lambda layers) may be run.
        whole, padding: of earlier folders, what ``values`` says now.
        outputs: the outputs of the exported model, under this project's names.
        answers: for each of these names, the model's own name of the output.
        values: by input, which values it takes, where its range does not say it all.
        batch: the number of examples that the model takes at once; None if it takes any number.
        signature: the signature or function of a SavedModel.
    """

    path: Path
    digest: str
    inputs: tuple[Tensor, ...]
    names: Mapping[str, str]
    output: str = ""
    trusted: bool = False
    whole: tuple[str, ...] = ()
    padding: Mapping[str, float] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)
    batch: int | None = None
    signature: str = SIGNATURE_TENSORS

    @property
    def heads(self) -> tuple[Head, ...]:
        """Returns the heads of its outputs."""
        return heads(self.outputs or (_CLASSES,))

    @property
    def features(self) -> dict[str, Any]:
        """Returns the parsing spec of a tf.Example: the raw inputs and the true answers."""
        import tensorflow as tf

        inputs = {
            tensor.name: tf.io.FixedLenFeature(tensor.shape, self._stored(tensor))
            for tensor in self.inputs
        }
        labels = {}
        for head in self.heads:
            if head.label_key:
                truth = form_of_truth(head)
                dtype = tf.int64 if truth.dtype.kind == "i" else tf.float32
                labels[head.label_key] = tf.io.FixedLenFeature(truth.shape[1:], dtype)
        return {**inputs, **labels}

    def raw_inputs(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the inputs, each cast to its own type."""
        import tensorflow as tf

        return {
            tensor.name: features[tensor.name]
            if tensor.dtype == "string"
            else tf.cast(features[tensor.name], tensor.dtype)
            for tensor in self.inputs
        }

    def unlearnt(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what Transform passes on, as it learns nothing: the true answers.

        Transform must pass something on; without true answers, that is the first input.
        """
        labels = [head.label_key for head in self.heads if head.label_key]
        return {name: features[name] for name in labels or [self.inputs[0].name]}

    def network(self) -> Any:
        """Returns the model as an exportable callable that takes inputs by this project's names.

        It answers by this project's names of the outputs.

        Raises:
            DataError: it is missing, or differs from the model that was inspected.
            UntrustedModelError: the file holds code and is not trusted.
            UserError: the file cannot be loaded.
        """
        import tensorflow as tf

        got = digest_of(self.path)
        if got != self.digest:
            raise DataError(
                f"{self.path} changed: its digest is {got}. If that is intended and the model "
                "still has the same inputs and outputs, write this digest into existing.py"
            )
        call, tracked = self._opened()

        class Network(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
            def __init__(self) -> None:
                super().__init__()
                self.tracked = tracked

            def __call__(self, inputs: Mapping[str, Any]) -> Any:
                return call(inputs)

        return Network()

    def examples(self, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
        """Yields made-up inputs, with the model's own decisions as true answers."""
        random = np.random.default_rng([SEED, list(COUNTS).index(split)])
        network = self.network()
        count = COUNTS[split] if limit is None else limit
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            batch = {
                tensor.name: made_up(tensor, size, random, self._values(tensor.name))
                for tensor in self.inputs
            }
            # As the exported model computes it.
            with portable(network):
                answer = network(batch)
            answers = {
                name: np.asarray(values)
                for name, values in (answer if self.outputs else {OUTPUT: answer}).items()
            }
            truths = {head.label_key: head.truth(answers) for head in self.heads if head.label_key}
            for row in range(size):
                yield {
                    **{t.name: self._value(batch[t.name][row]) for t in self.inputs},
                    **{key: _truth(truth[row]) for key, truth in truths.items()},
                }

    def _opened(self) -> tuple[Callable[[Mapping[str, Any]], Any], Any]:
        import tensorflow as tf

        opened = (
            open_keras(self.path, trusted=self.trusted)
            if self.path.is_file()
            else open_saved_model(self.path, self.signature)
        )
        whole_batches = in_batches(opened.call, self.batch)

        def call(inputs: Mapping[str, Any]) -> Any:
            given = {self.names[name]: tf.convert_to_tensor(each) for name, each in inputs.items()}
            answers = whole_batches(given)
            if not self.outputs:
                return answers[self.output] if self.output else next(iter(answers.values()))
            return {
                output.name: tf.cast(answers[self.answers[output.name]], output.dtype)
                for output in self.outputs
            }

        return call, opened.tracked

    def _values(self, name: str) -> Values:
        if name in self.whole or name in self.padding:
            return Values(name in self.whole, self.padding.get(name))
        return self.values.get(name, ANY)

    def _stored(self, tensor: Tensor) -> Any:
        """Returns the type in which a tf.Example holds an input."""
        import tensorflow as tf

        if tensor.dtype == "string":
            return tf.string
        # Earlier folders have all numbers as floats, and their schema says so.
        whole = np.dtype(tensor.dtype).kind in "iub" and self.outputs
        return tf.int64 if whole else tf.float32

    def _value(self, value: Array) -> Value:
        # A scalar of NumPy is not an array, and would lose its type.
        return np.asarray(value) if self.outputs else value.ravel().tolist()


def _truth(value: Any) -> Value:
    if np.ndim(value):
        return np.asarray(value)
    return int(value) if np.asarray(value).dtype.kind in "iub" else float(value)
