"""The two ways to train, and the three to execute a step: Keras' ``fit``, or a loop of one's own.

A profile chooses by its hyperparameters:

    training    "fit" (default) or "gradient_tape" (pipeline/loop.py)
    execution   "graph" (default), "eager" or "xla"
"""

import csv
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline import loop
from pipeline.errors import UserError
from pipeline.progress import EpochProgress


@dataclass(frozen=True)
class Method:
    """How a network is trained."""

    training: str = "fit"
    execution: str = "graph"

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Any]) -> "Method":
        """Returns the profile's choice. Raises UserError, which lists what there is."""
        training = str(hyperparameters.get("training", cls.training))
        execution = str(hyperparameters.get("execution", cls.execution))
        for name, value, known in (
            ("training", training, TRAININGS),
            ("execution", execution, loop.EXECUTIONS),
        ):
            if value not in known:
                raise UserError(f"unknown {name} {value!r}; there are: {', '.join(known)}")
        return cls(training, execution)

    def train(self, model: Any, batches: Any, watched: Any, *, epochs: int, logs: Path) -> None:
        """Trains the model in place and writes ``history.csv`` into ``logs``.

        Raises:
            UserError: ``fit`` was chosen for what is no Keras model.
        """
        TRAININGS[self.training](model, batches, watched, epochs, self.execution, logs)


def fit(model: Any, batches: Any, watched: Any, epochs: int, execution: str, logs: Path) -> None:
    """Trains a compiled Keras model by its own loop."""
    import keras

    if not isinstance(model, keras.Model):
        raise UserError(
            f"{type(model).__name__} is no Keras model and has no fit(); choose the training "
            "'gradient_tape'"
        )
    prepare(model, execution)
    model.fit(
        batches,
        epochs=epochs,
        validation_data=watched,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.CSVLogger(str(logs / "history.csv")), EpochProgress(epochs)],
    )


def prepare(model: Any, execution: str) -> None:
    """Sets how a compiled Keras model executes its steps."""
    model.run_eagerly = execution == "eager"
    model.jit_compile = execution == "xla"


def gradient_tape(
    model: Any, batches: Any, watched: Any, epochs: int, execution: str, logs: Path
) -> None:
    """Trains a Keras model or a tf.Module by the loop in pipeline/loop.py."""
    progress = EpochProgress(epochs)
    with (logs / "history.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["epoch", *loop.Epoch.__annotations__])
        writer.writeheader()

        def tell(number: int, epoch: loop.Epoch) -> None:
            writer.writerow({"epoch": number, **asdict(epoch)})
            progress.on_epoch_end(number, asdict(epoch))
            progress.on_epoch_begin()

        progress.on_epoch_begin()
        step = step_of(model)
        loop.train(model, step, batches, watched, epochs=epochs, execution=execution, tell=tell)


def step_of(model: Any) -> Callable[[list[Any]], None]:
    """Returns the optimizer's step: a tf.Module's own, or that of a compiled Keras model."""
    if hasattr(model, "step"):
        own: Callable[[list[Any]], None] = model.step
        return own
    optimizer = model.optimizer
    # Its variables must be there before a graph is made of the step.
    optimizer.build(model.trainable_variables)

    def apply(slopes: list[Any]) -> None:
        optimizer.apply(slopes, model.trainable_variables)

    return apply


TRAININGS = {"fit": fit, "gradient_tape": gradient_tape}
