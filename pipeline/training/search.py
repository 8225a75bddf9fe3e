"""The search that TFX's Tuner runs: KerasTuner over the search space of a model's spec.

The first trial is the unchanged profile, so the best is never worse. After a few random trials, a
Gaussian process chooses (KerasTuner's BayesianOptimization). Each trial trains as the Trainer does,
by the profile's training method, and is judged by its score on the eval split, which also monitors
training. The test split is never used.
"""

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras_tuner

from core.console import CONSOLE
from core.errors import FanoutError
from core.files import keep_only, write_text
from core.fingerprint import of_values
from models.spec import Range, load
from pipeline.training.epoch_lines import held_out
from pipeline.training.held_out import held_out_score, score_name
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit, patience, statistics

if TYPE_CHECKING:
    from tfx.v1.components import FnArgs, TunerFnResult

OBJECTIVE = "score"
Values = dict[str, Any]


def tuner_fn(fn_args: "FnArgs") -> "TunerFnResult":
    """Returns the tuner of a model and profile; an interrupted search continues.

    ``custom_config`` holds ``model`` and ``hyperparameters`` (the profile's own), the Trainer's
    ``fingerprint``, ``folder`` for KerasTuner's projects, and the limits ``trials`` and
    ``seconds``.
    """
    from tfx.v1.components import TunerFnResult

    given = fn_args.custom_config
    spec = load(given["model"])
    train, evaluation = fn_args.train_files[0], fn_args.eval_files[0]
    learnt = statistics(spec, fn_args.transform_graph_path, train)
    own = dict(given["hyperparameters"])
    folder = Path(given["folder"])
    # A change in any of these makes earlier trials incomparable.
    project = of_values(
        given["fingerprint"], space(spec.search, own).get_config(), train, evaluation,
        fn_args.transform_graph_path,
    )[:16]  # fmt: skip

    def trial(values: Values, journal: Journal) -> float:
        trained = fit(
            spec, values, train=train, evaluation=evaluation, statistics=learnt, journal=journal
        )
        return held_out_score(trained.model, spec, evaluation, trained.figures)

    def open_project() -> Tuner:
        oracle = Oracle(space(spec.search, own), own, int(given["trials"]), given["seconds"])
        name = score_name(spec)
        return Tuner(oracle, trial, own, name, directory=str(folder), project_name=project)

    if keep_only(folder, project):
        CONSOLE.print("      code, data or settings changed; the search starts from scratch")
    try:
        tuner = open_project()
    except (ValueError, KeyError, OSError, RuntimeError):
        CONSOLE.print("      the earlier trials cannot be read; the search starts from scratch")
        shutil.rmtree(folder / project)
        tuner = open_project()
    if done := len(tuner.oracle.end_order):
        # TFX's Tuner writes as many trials as max_trials.
        tuner.oracle.max_trials = max(tuner.oracle.max_trials, done)
        CONSOLE.print(f"      continuing after {done} trials")
    return TunerFnResult(tuner=tuner, fit_kwargs={"verbose": 0})


def space(search: Mapping[str, Any], own: Values) -> keras_tuner.HyperParameters:
    """Returns a spec's search space as KerasTuner's hyperparameters."""
    parameters = keras_tuner.HyperParameters()
    for name, values in search.items():
        if not isinstance(values, Range):
            parameters.Choice(name, list(values), default=own[name])
            continue
        whole = isinstance(values.low, int) and isinstance(values.high, int)
        add = parameters.Int if whole else parameters.Float
        sampling = "log" if values.log else "linear"
        add(name, values.low, values.high, sampling=sampling, default=own[name])
    return parameters


class Oracle(keras_tuner.oracles.BayesianOptimizationOracle):  # type: ignore[misc]  # no types
    """Chooses the values of the next trial, and ends the search.

    Args:
        searched: the search space.
        own: the profile's hyperparameters.
        trials: the maximum number of trials, including those of earlier searches.
        seconds: the time limit; no trial begins that would end later if it took as long as the
            longest so far.
    """

    def __init__(
        self, searched: keras_tuner.HyperParameters, own: Values, trials: int, seconds: float
    ) -> None:
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=trials,
            hyperparameters=searched,
            allow_new_entries=False,
            tune_new_entries=False,
            seed=int(own["seed"]) + 1,
        )
        self._own, self._seconds = own, seconds
        self._begun, self._longest = time.monotonic(), 0.0

    def took(self, seconds: float) -> None:
        """Records how long a trial took."""
        self._longest = max(self._longest, seconds)

    # KerasTuner writes its files in place, so an interruption at that moment would lose all trials.

    def save(self) -> None:
        write_text(Path(self._get_oracle_fname()), json.dumps(self.get_state()))

    def _save_trial(self, trial: Any) -> None:
        file = Path(self._get_trial_dir(trial.trial_id)) / "trial.json"
        write_text(file, json.dumps(trial.get_state()))

    def reload(self) -> None:
        super().reload()
        # A trial that had begun, but is not yet in the oracle's file, would never run again.
        for name in {*self.trials} - {*self.end_order, *self._retry_queue}:
            del self.trials[name]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.trials:
            values = {name: self._own[name] for name in self.hyperparameters.values}
            return {"status": "RUNNING", "values": values}
        if time.monotonic() - self._begun + self._longest > self._seconds:
            CONSOLE.print(
                f"      no other trial would end within {self._seconds:g} s; "
                "run the same command again to continue"
            )
            return {"status": "STOPPED", "values": None}
        chosen: dict[str, Any] = super().populate_space(trial_id)
        if chosen["values"]:
            # The same number is shown, trained with and written.
            chosen["values"] = {name: rounded(value) for name, value in chosen["values"].items()}
        return chosen


def rounded(value: Any) -> Any:
    """Returns a float rounded to three significant digits, and anything else unchanged."""
    return float(f"{value:.3g}") if isinstance(value, float) else value


class Tuner(keras_tuner.engine.base_tuner.BaseTuner):  # type: ignore[misc]
    """Runs trials and shows the result of each.

    Args:
        oracle: chooses the values.
        train: trains with all hyperparameters, and returns the held-out score.
        own: the profile's hyperparameters.
        score: what the score is called.
        project: the directory and project name under which KerasTuner keeps the trials.
    """

    def __init__(
        self, oracle: Oracle, train: Any, own: Values, score: str = "accuracy", **project: str
    ) -> None:
        self._train, self._own, self._score = train, own, score
        self._started = 0.0
        super().__init__(oracle, **project)

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> dict[str, float]:
        import keras

        keras.backend.clear_session()
        self._started = time.monotonic()
        values = {**self._own, **trial.hyperparameters.values}
        journal = Journal(
            Path(self.get_trial_dir(trial.trial_id)),
            int(values["epochs"]),
            patience=patience(values),
            progress=Epochs(f"trial {self._number(trial)}", int(values["epochs"])),
        )
        try:
            return {OBJECTIVE: self._train(values, journal)}
        except FanoutError as error:
            # Other values would not fix this.
            raise keras_tuner.errors.FatalError(str(error)) from error

    def on_trial_end(self, trial: Any) -> None:
        super().on_trial_end(trial)
        seconds = time.monotonic() - self._started
        self.oracle.took(seconds)
        ended = self.oracle.get_trial(trial.trial_id)
        best = self.oracle.get_best_trials(1)
        if ended.score is None:
            reason = (
                (ended.message or f"the {self._score} is not a number").strip().splitlines()[-1]
            )
            result = f"[red]failed[/]: {reason[:200]}"
        else:
            result = f"held-out {self._score} {ended.score:.4f}  best {best[0].score:.4f}"
        shown = "  ".join(f"{name} {value}" for name, value in ended.hyperparameters.values.items())
        line = f"      trial {self._number(trial)}  {shown}  {result}  [dim]{seconds:.0f} s[/]"
        CONSOLE.print(line, soft_wrap=True)

    def search_space_summary(self, extended: bool = False) -> None:
        """Prints nothing: TFX's Tuner would print it to standard output."""

    def results_summary(self, num_trials: int = 10) -> None:
        """Prints nothing, for the same reason."""

    def _number(self, trial: Any) -> str:
        return f"{int(trial.trial_id) + 1:>2}/{self.oracle.max_trials}"


class Epochs:
    """Shows a trial's progress on a terminal."""

    def __init__(self, what: str, epochs: int) -> None:
        self._what, self._epochs = what, epochs

    def begin(self) -> None:
        """Prints nothing."""

    def end(self, epoch: int, figures: Mapping[str, float]) -> None:
        if CONSOLE.is_terminal:
            shown = "  ".join(
                f"held-out {name} {held:.4f}" for name, (_, held) in held_out(figures).items()
            )
            text = f"      {self._what}  epoch {epoch + 1:>3}/{self._epochs}  {shown}"
            CONSOLE.print(f"[dim]{text}[/]", end="\r")


def results(text: str) -> list[Values]:
    """Returns the trials in the order they began, from the text that TFX's Tuner wrote.

    Each has ``trial`` (from 1), ``accuracy``, which is the score, and ``values``.
    """
    rows = [
        {
            "trial": int(row.pop("trial_id")) + 1,
            "accuracy": float(row.pop("score")),
            "values": row,
        }
        for row in json.loads(text)
    ]
    return sorted(rows, key=lambda row: int(row["trial"]))
