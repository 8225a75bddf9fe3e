"""Models of tables: named columns of numbers and texts, where any value may be missing.

A missing number is sent as the columns' ``missing`` value, a missing text as the empty text: JSON
has no NaN, and not every graphics card preserves NaN. A text that training never saw counts as
missing. All of this happens inside the network, so every client sends the raw columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.spec import Output, Tensor
from models.targets import Target

if TYPE_CHECKING:
    import numpy.typing as npt

MISSING_TEXT = ""


@dataclass(frozen=True)
class Columns:
    """The columns of a table, in the order of the network's inputs.

    Attributes:
        numbers: names of numeric columns.
        texts: names of columns whose values are categories.
        label: the column that holds the class's index, where ``targets`` names none.
        targets: the columns to predict.
        missing: stands for a missing number; it is not a real value of any numeric column.
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...] = ()
    label: str = "label"
    missing: float = -1.0
    targets: tuple[Target, ...] = ()

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Returns the outputs of ``serving_default`` that predict the targets."""
        return tuple(target.tensor for target in self.targets)

    @property
    def features(self) -> dict[str, Any]:
        """Returns the parsing spec of a tf.Example; absent features get the missing values."""
        import tensorflow as tf

        numbers = {
            name: tf.io.FixedLenFeature([], tf.float32, self.missing) for name in self.numbers
        }
        texts = {name: tf.io.FixedLenFeature([], tf.string, MISSING_TEXT) for name in self.texts}
        answers = {target.feature: target.parsing for target in self.targets} or {
            self.label: tf.io.FixedLenFeature([], tf.int64)
        }
        return {**numbers, **texts, **answers}

    @property
    def statistics(self) -> tuple[str, ...]:
        """Returns the names of the numbers that Transform learns."""
        return tuple(f"{name}_{kind}" for name in self._scaled for kind in ("mean", "variance"))

    @property
    def _scaled(self) -> tuple[str, ...]:
        return *self.numbers, *(target.feature for target in self.targets if target.number)

    @property
    def vocabularies(self) -> tuple[str, ...]:
        """Returns the names of the vocabularies that Transform learns: one per text column."""
        return self.texts

    def raw_inputs(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Returns only the columns, without the true answers."""
        return {name: features[name] for name in (*self.numbers, *self.texts)}

    def preprocessing_fn(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the true answers and the results of a full pass over the training data.

        A numeric column's mean and variance cover the values that are present. Every row holds
        them; the vocabularies are files of the transform graph.

        Args:
            inputs: tensors by column; columns that may have missing values are sparse.
        """
        import tensorflow as tf
        import tensorflow_transform as tft

        answers = tuple(target.feature for target in self.targets) or (self.label,)
        learnt = {name: inputs[name] for name in answers}
        ones = tf.ones_like(inputs[answers[0]], tf.float32)
        for name in self._scaled:
            learnt[f"{name}_mean"] = ones * tft.mean(inputs[name])
            learnt[f"{name}_variance"] = ones * tft.var(inputs[name])
        for name in self.texts:
            tft.vocabulary(inputs[name], vocab_filename=name)
        return learnt

    def tensors(
        self,
        descriptions: Mapping[str, str],
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> tuple[Tensor, ...]:
        """Returns the inputs of ``serving_default``.

        Args:
            descriptions: a description of each column, with its unit.
            ranges: the smallest and largest value of each numeric column whose range is known.
        """
        numbers = []
        for name in self.numbers:
            low, high = (ranges or {}).get(name, (None, None))
            numbers.append(
                Tensor(
                    name,
                    "float32",
                    (),
                    descriptions[name],
                    minimum=low,
                    maximum=high,
                    missing=self.missing,
                )
            )
        texts = [
            Tensor(name, "string", (), descriptions[name], missing=MISSING_TEXT)
            for name in self.texts
        ]
        return (*numbers, *texts)

    def inputs(self) -> dict[str, Any]:
        """Returns the network's Keras inputs by column."""
        import keras

        numbers = {name: keras.Input((), name=name, dtype="float32") for name in self.numbers}
        texts = {name: keras.Input((), name=name, dtype="string") for name in self.texts}
        return {**numbers, **texts}

    def encoded(self, inputs: Mapping[str, Any], learnt: Mapping[str, "npt.NDArray[Any]"]) -> Any:
        """Returns one row of numbers per example, float32 of shape (n, width).

        Each number is standardised with its column's mean and standard deviation, and comes with
        a flag that says whether it was present. Each text is one-hot encoded: one place per word
        of its vocabulary, and one for every other text.

        Args:
            inputs: the result of ``inputs``.
            learnt: the results of Transform: ``<number>_mean``, ``<number>_variance``, and the
                words of each text column.
        """
        import keras

        parts = []
        if self.numbers:
            row = keras.ops.stack([inputs[name] for name in self.numbers], axis=1)
            present = keras.ops.cast(keras.ops.not_equal(row, self.missing), "float32")
            scaled = keras.layers.Normalization(
                mean=np.array([learnt[f"{name}_mean"] for name in self.numbers]),
                # A column that never changes carries no information; avoid dividing by zero.
                variance=np.array(
                    [float(learnt[f"{name}_variance"]) or 1.0 for name in self.numbers]
                ),
            )(row)
            parts += [scaled * present, present]
        for name in self.texts:
            words = [word.decode() for word in learnt[name]]
            # Place 0 is for every other text, including the empty text.
            place = keras.layers.StringLookup(vocabulary=words, mask_token=None)(inputs[name])
            # Do not use one_hot: TensorFlow.js' WebAssembly kernel writes integers where the graph
            # says float, and they are read as zeros (4.22.0; the browser check found it).
            places = np.eye(len(words) + 1, dtype=np.float32)
            row = keras.ops.take(places, place, axis=0)
            # TensorFlow Lite does not know the shape of a lookup's result.
            parts.append(keras.ops.reshape(row, (-1, len(places))))
        return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]

    def blanked(self, inputs: Mapping[str, Any], seed: Any, rate: float) -> dict[str, Any]:
        """Returns a batch with a share of all values made missing.

        It teaches the network what to answer when a client lacks values, or sends a text that is
        not in the training data.
        """
        import tensorflow as tf

        columns = (*self.numbers, *self.texts)
        count = tf.shape(inputs[columns[0]])[0]
        blanks = tf.random.stateless_uniform((len(columns), count), seed) < rate
        return {
            name: tf.where(
                blanks[place], MISSING_TEXT if name in self.texts else self.missing, value
            )
            for place, (name, value) in enumerate((name, inputs[name]) for name in columns)
        }
