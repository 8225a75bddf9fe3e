"""The two ways to train, and the three to execute a step: Keras' ``fit``, or a loop of one's own.

A profile chooses by its hyperparameters:

    training    "fit" (default) or "gradient_tape" (pipeline/training/loop.py)
    execution   "graph" (default), "eager" or "xla"
    patience    after how many epochs without a smaller held-out loss training ends, and goes back
                to the weights of the best epoch; by default it does not (journal.py)
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import UserError
from pipeline.training import loop
from pipeline.training.journal import Figures, Journal


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

    def train(self, model: Any, batches: Any, watched: Any, journal: Journal) -> Figures:
        """Trains the model in place, and returns what the epoch came to whose weights it has.

        Args:
            model: compiled; what ``fit`` trains is a Keras model.
            batches: of one epoch, whose number is known; every time that they are iterated they
                come in another order, the same ones in every training.
            watched: batches of the held-out split.
            journal: says for how many epochs, keeps the record, and may end it earlier.

        Raises:
            UserError: ``fit`` was chosen for what is no Keras model.
        """
        TRAININGS[self.training](model, batches, watched, journal, self.execution)
        return journal.end()


def fit(model: Any, batches: Any, watched: Any, journal: Journal, execution: str) -> None:
    """Trains a compiled Keras model by its own loop."""
    import keras

    if not isinstance(model, keras.Model):
        raise UserError(
            f"{type(model).__name__} is no Keras model and has no fit(); choose the training "
            "'gradient_tape'"
        )

    class Kept(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        def on_epoch_end(self, _: int, logs: dict[str, float] | None = None) -> None:
            if journal.end_epoch(logs or {}):
                self.model.stop_training = True

    prepare(model, execution)
    first = _start(model, batches, journal)
    model.fit(
        # Keras would iterate twice an epoch, and so change the order in which batches come.
        batches.repeat(),
        steps_per_epoch=int(batches.cardinality()),
        initial_epoch=first,
        epochs=journal.epochs,
        validation_data=watched,
        shuffle=False,
        verbose=0,
        callbacks=[Kept()],
    )


def prepare(model: Any, execution: str) -> None:
    """Sets how a compiled Keras model executes its steps."""
    model.run_eagerly = execution == "eager"
    model.jit_compile = execution == "xla"


def gradient_tape(model: Any, batches: Any, watched: Any, journal: Journal, execution: str) -> None:
    """Trains a Keras model or a tf.Module by the loop in pipeline/training/loop.py."""
    step = step_of(model)
    first = _start(model, batches, journal)
    loop.train(
        model,
        step,
        batches,
        watched,
        epochs=range(first, journal.epochs),
        execution=execution,
        tell=lambda epoch: journal.end_epoch(asdict(epoch)),
    )


def _start(model: Any, batches: Any, journal: Journal) -> int:
    """Returns the first epoch to train, for which model and batches are ready then."""
    if not hasattr(model, "step"):
        # Its variables must be there before they are restored, or a graph is made of the step.
        model.optimizer.build(model.trainable_variables)
    first = journal.start(*_state_of(model))
    for _ in range(first):
        iter(batches)  # draws an epoch's order, and reads nothing
    return first


def _state_of(model: Any) -> tuple[list[Any], list[Any]]:
    """Returns the network's variables and the optimizer's, as TensorFlow's own.

    Args:
        model: a compiled Keras model whose optimizer is built, or a tf.Module with a ``step``.
    """
    step = model.step if hasattr(model, "step") else model.optimizer
    others = loop.plain(getattr(step, "variables", ()))
    # A tf.Module counts its step's variables among its own.
    known = {id(variable) for variable in others}
    return [v for v in loop.plain(model.variables) if id(v) not in known], others


def step_of(model: Any) -> Callable[[list[Any]], None]:
    """Returns the optimizer's step: a tf.Module's own, or that of a compiled Keras model."""
    if hasattr(model, "step"):
        own: Callable[[list[Any]], None] = model.step
        return own
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)

    def apply(slopes: list[Any]) -> None:
        optimizer.apply(slopes, model.trainable_variables)

    return apply


TRAININGS = {"fit": fit, "gradient_tape": gradient_tape}
