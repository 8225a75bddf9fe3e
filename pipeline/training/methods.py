"""The two training methods, Keras' ``fit`` and a custom loop, and three ways to execute a step.

A profile's hyperparameters choose between them:

    training    "fit" (default) or "gradient_tape" (pipeline/training/loop.py)
    execution   "graph" (default), "eager" or "xla"
    patience    the number of epochs without a smaller held-out loss after which training ends and
                returns to the weights of the best epoch; by default it does not (journal.py)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import UserError
from pipeline.training import loop
from pipeline.training.journal import Figures, Journal


@dataclass(frozen=True)
class Method:
    """A training method and a way to execute its steps."""

    training: str = "fit"
    execution: str = "graph"

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Any]) -> "Method":
        """Returns the profile's choice.

        Raises:
            UserError: there is no such method or execution; the message lists what there is.
        """
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
        """Trains the model in place, and returns the figures of the epoch whose weights it has.

        Args:
            model: a compiled model; ``fit`` needs a Keras model.
            batches: the batches of one epoch; their number is known. Each iteration has another
                order, and every training has the same sequence of orders.
            watched: batches of the held-out split.
            journal: sets the number of epochs, keeps the record, and may end training early.

        Raises:
            UserError: ``fit`` was chosen for a model that is not a Keras model.
        """
        TRAININGS[self.training](model, batches, watched, journal, self.execution)
        return journal.end()


def fit(model: Any, batches: Any, watched: Any, journal: Journal, execution: str) -> None:
    """Trains a compiled Keras model by Keras' own loop."""
    import keras

    if not isinstance(model, keras.Model):
        raise UserError(
            f"{type(model).__name__} is not a Keras model and has no fit(); set the hyperparameter "
            "training to 'gradient_tape'"
        )

    class Kept(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        def on_epoch_end(self, _: int, logs: dict[str, float] | None = None) -> None:
            if journal.end_epoch(logs or {}):
                self.model.stop_training = True

    prepare(model, execution)
    first = _start(model, batches, journal)
    model.fit(
        # Otherwise Keras would iterate twice per epoch, which changes the order of the batches.
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


class Compiled:
    """Judges a Keras model's answers by the losses and metrics that it was compiled with."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def losses(self, truths: Any, answers: Any) -> Any:
        return self._model.compute_loss(y=truths, y_pred=answers)

    def add(self, truths: Any, answers: Any) -> None:
        self._model.compute_metrics(None, truths, answers)

    def take(self) -> dict[str, float]:
        figures = {
            name: float(value)
            for name, value in self._model.get_metrics_result().items()
            # The loop keeps the loss itself.
            if name != "loss"
        }
        self._model.reset_metrics()
        return figures


def gradient_tape(model: Any, batches: Any, watched: Any, journal: Journal, execution: str) -> None:
    """Trains with the loop in pipeline/training/loop.py.

    A Keras model has the losses and metrics that it was compiled with; a tf.Module is a classifier.
    """
    import keras

    step = step_of(model)
    first = _start(model, batches, journal)
    loop.train(
        model,
        step,
        batches,
        watched,
        judge=Compiled(model) if isinstance(model, keras.Model) else loop.ByHand(),
        epochs=range(first, journal.epochs),
        execution=execution,
        tell=journal.end_epoch,
    )


def _start(model: Any, batches: Any, journal: Journal) -> int:
    """Prepares model and batches for the first epoch to train, and returns its number."""
    if not hasattr(model, "step"):
        # The variables must exist before they are restored, and before a graph is traced.
        model.optimizer.build(model.trainable_variables)
    first = journal.start(*_state_of(model))
    for _ in range(first):
        iter(batches)  # draws an epoch's order and reads nothing
    return first


def _state_of(model: Any) -> tuple[list[Any], list[Any]]:
    """Returns the network's variables and the optimizer's, as TensorFlow variables.

    Args:
        model: a compiled Keras model whose optimizer is built, or a tf.Module with a ``step``.
    """
    step = model.step if hasattr(model, "step") else model.optimizer
    others = loop.plain(getattr(step, "variables", ()))
    # A tf.Module includes its step's variables in its own.
    known = {id(variable) for variable in others}
    return [v for v in loop.plain(model.variables) if id(v) not in known], others


def step_of(model: Any) -> Callable[[list[Any]], None]:
    """Returns the optimizer's step: the tf.Module's, or the one of a compiled Keras model."""
    if hasattr(model, "step"):
        step: Callable[[list[Any]], None] = model.step
        return step
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)

    def apply(slopes: list[Any]) -> None:
        optimizer.apply(slopes, model.trainable_variables)

    return apply


TRAININGS = {"fit": fit, "gradient_tape": gradient_tape}
