"""What a table's network predicts: one output for each column with true answers.

A number is predicted in its own unit. The network's last layer multiplies by the deviation of the
training data's numbers and adds their mean, so that the layers before it work with numbers around
0, whatever the unit is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.spec import Output

if TYPE_CHECKING:
    import numpy.typing as npt

CLASSIFICATION, BINARY, REGRESSION = "classification", "binary", "regression"


@dataclass(frozen=True)
class Target:
    """A column to predict.

    Attributes:
        feature: the feature that holds the true answer: a number, or the index of a class.
        output: the name of the output that predicts it, and of the network's last layer.
        role: ``classification``, ``binary`` or ``regression``.
        labels: the names of the classes; of a binary target the second is the one that counts as
            yes.
        unit: the unit of a number; empty where there is none.
        title: what it is called in texts for people.
    """

    feature: str
    output: str
    role: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    title: str = ""

    @property
    def number(self) -> bool:
        """Returns whether its true answer is a number, not the index of a class."""
        return self.role == REGRESSION

    @property
    def parsing(self) -> Any:
        """Returns the parsing spec of its feature in a tf.Example."""
        import tensorflow as tf

        return tf.io.FixedLenFeature([], tf.float32 if self.number else tf.int64)

    @property
    def tensor(self) -> Output:
        """Returns the output of ``serving_default``."""
        return Output(
            name=self.output,
            dtype="float32",
            shape=(len(self.labels) if self.role == CLASSIFICATION else 1,),
            description=self._description,
            minimum=None if self.number else 0.0,
            maximum=None if self.number else 1.0,
            role=self.role,
            labels=self.labels,
            unit=self.unit,
            label_key=self.feature,
        )

    @property
    def _description(self) -> str:
        title = self.title or self.output
        if self.role == CLASSIFICATION:
            return f"The probability of each class of {title}, in the order of the labels."
        if self.role == BINARY:
            return f"The probability that {title} is {self.labels[1]}."
        return f"The predicted {title}{f', in {self.unit}' if self.unit else ''}."

    def layer(self, x: Any, learnt: Mapping[str, "npt.NDArray[Any]"]) -> Any:
        """Returns the output's Keras tensor, (n, classes), or (n, 1) for one number.

        Args:
            x: the last hidden layer's, (n, units).
            learnt: for a number, ``<feature>_mean`` and ``<feature>_variance`` of the training
                data.
        """
        import keras

        if self.role == CLASSIFICATION:
            return keras.layers.Dense(len(self.labels), activation="softmax", name=self.output)(x)
        if self.role == BINARY:
            return keras.layers.Dense(1, activation="sigmoid", name=self.output)(x)
        # Numbers that are all equal have no deviation; 1 keeps the layer invertible.
        deviation = float(learnt[f"{self.feature}_variance"]) ** 0.5 or 1.0
        mean = float(learnt[f"{self.feature}_mean"])
        return keras.layers.Rescaling(deviation, mean, name=self.output)(keras.layers.Dense(1)(x))

    def objective(self, model: Any) -> tuple[str, float, Any]:
        """Returns the loss, its weight and the metric for Keras' ``compile``.

        The squared error of a number is weighted by 1 / variance: neither its unit nor the other
        outputs' losses then decide how much it counts.

        Args:
            model: a Keras model whose last layer for this output is ``layer``'s.
        """
        import keras

        if self.role == CLASSIFICATION:
            return "sparse_categorical_crossentropy", 1.0, "accuracy"
        if self.role == BINARY:
            return "binary_crossentropy", 1.0, "accuracy"
        weight = 1 / model.get_layer(self.output).scale ** 2
        return "mean_squared_error", weight, keras.metrics.R2Score(name="r2")


def outputs_of(targets: Sequence[Target], x: Any, learnt: Mapping[str, "npt.NDArray[Any]"]) -> Any:
    """Returns the outputs of a Keras model: one tensor, or several by their names.

    Args:
        x: the last hidden layer's, (n, units).
        learnt: as in ``Target.layer``.
    """
    outputs = {target.output: target.layer(x, learnt) for target in targets}
    return outputs if len(targets) > 1 else outputs[targets[0].output]


def objectives_of(targets: Sequence[Target], model: Any) -> dict[str, Any]:
    """Returns ``loss``, ``loss_weights`` and ``metrics`` for the ``compile`` of such a model."""
    objectives = {target.output: target.objective(model) for target in targets}
    names = ("loss", "loss_weights", "metrics")
    by_output = {
        name: {output: each[place] for output, each in objectives.items()}
        for place, name in enumerate(names)
    }
    if len(targets) > 1:
        return by_output
    loss, weight, metric = objectives[targets[0].output]
    return {"loss": loss, "loss_weights": weight, "metrics": [metric]}
