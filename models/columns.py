"""Models of tables: named columns of numbers and of texts, any of which may be missing.

A number that is missing is sent as the columns' ``missing`` value, a text as the empty text: JSON
has no NaN, and graphics cards do not all keep one. A text that training never saw counts as
missing. All of that happens inside the network, so every client sends the raw columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.spec import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

MISSING_TEXT = ""


@dataclass(frozen=True)
class Columns:
    """The columns of a table, in the order of the network's inputs.

    Attributes:
        numbers: names of numeric columns.
        texts: names of columns whose values are categories.
        label: the column that holds the class's index.
        missing: stands for a missing number; no real value of any numeric column.
    """

    numbers: tuple[str, ...]
    texts: tuple[str, ...] = ()
    label: str = "label"
    missing: float = -1.0

    @property
    def features(self) -> dict[str, Any]:
        """Returns how a tf.Example is parsed; what is missing in it gets the missing values."""
        import tensorflow as tf

        numbers = {
            name: tf.io.FixedLenFeature([], tf.float32, self.missing) for name in self.numbers
        }
        texts = {name: tf.io.FixedLenFeature([], tf.string, MISSING_TEXT) for name in self.texts}
        return {**numbers, **texts, self.label: tf.io.FixedLenFeature([], tf.int64)}

    @property
    def statistics(self) -> tuple[str, ...]:
        """Returns the names of the numbers that Transform learns."""
        return tuple(f"{name}_{kind}" for name in self.numbers for kind in ("mean", "variance"))

    @property
    def vocabularies(self) -> tuple[str, ...]:
        """Returns the names of the vocabularies that Transform learns: the text columns'."""
        return self.texts

    def raw_inputs(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the columns alone, without the label."""
        return {name: features[name] for name in (*self.numbers, *self.texts)}

    def preprocessing_fn(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the label and what a full pass over the training data finds.

        Mean and variance of a numeric column are over the values that are there. They stand in
        every row; the vocabularies are files of the transform graph.

        Args:
            inputs: by column; those that may be missing are sparse.
        """
        import tensorflow as tf
        import tensorflow_transform as tft

        label = inputs[self.label]
        ones = tf.ones_like(label, tf.float32)
        learnt = {self.label: label}
        for name in self.numbers:
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
            descriptions: what each column is, with its unit.
            ranges: for each numeric column where it is known, its least and largest value.
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
        """Returns one row of numbers an example, float32 of shape (n, width).

        Each number is scaled by its column's mean and deviation and followed by whether it was
        there; each text is one of as many places as its vocabulary has words.

        Args:
            inputs: what ``inputs`` returned.
            learnt: what Transform learnt: ``<number>_mean``, ``<number>_variance``, and the
                words of each text column.
        """
        import keras

        parts = []
        if self.numbers:
            row = keras.ops.stack([inputs[name] for name in self.numbers], axis=1)
            there = keras.ops.cast(keras.ops.not_equal(row, self.missing), "float32")
            scaled = keras.layers.Normalization(
                mean=np.array([learnt[f"{name}_mean"] for name in self.numbers]),
                # A column that never changes says nothing: it must not divide by zero either.
                variance=np.array(
                    [float(learnt[f"{name}_variance"]) or 1.0 for name in self.numbers]
                ),
            )(row)
            parts += [scaled * there, there]
        for name in self.texts:
            words = [word.decode() for word in learnt[name]]
            # Place 0 is for every other text, the empty one included.
            place = keras.layers.StringLookup(vocabulary=words, mask_token=None)(inputs[name])
            # Not one_hot: TensorFlow.js' WebAssembly kernel writes whole numbers where the graph
            # says float, which read as zeros (4.22.0; the browser check found it).
            places = np.eye(len(words) + 1, dtype=np.float32)
            row = keras.ops.take(places, place, axis=0)
            # TensorFlow Lite does not know the shape of what a table finds.
            parts.append(keras.ops.reshape(row, (-1, len(places))))
        return keras.layers.Concatenate()(parts) if len(parts) > 1 else parts[0]

    def blanked(self, inputs: Mapping[str, Any], seed: Any, rate: float) -> dict[str, Any]:
        """Returns a batch in which a share of all values is missing.

        From it the network learns what to answer where a client knows less, or sends a text that
        the training data does not have.
        """
        import tensorflow as tf

        columns = (*self.numbers, *self.texts)
        count = tf.shape(inputs[columns[0]])[0]
        gone = tf.random.stateless_uniform((len(columns), count), seed) < rate
        return {
            name: tf.where(gone[place], MISSING_TEXT if name in self.texts else self.missing, value)
            for place, (name, value) in enumerate((name, inputs[name]) for name in columns)
        }
