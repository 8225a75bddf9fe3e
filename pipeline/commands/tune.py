"""``fanout tune``: searches for better hyperparameters, and keeps the best for the next run."""

import contextlib
import json
import logging
import shutil
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core import imports
from core.console import CONSOLE, library_noise_to
from core.errors import FanoutError, UserError
from models.spec import Profile, Range
from pipeline.commands.run import in_words
from pipeline.settings import tuned
from pipeline.settings.config import Config
from pipeline.settings.lock import exclusive
from pipeline.settings.tuned import Tuned
from pipeline.stages import data
from pipeline.stages.component_lines import component_lines
from pipeline.training.held_out import score_name

FOLDER = "tuning"
EXAMPLE = 'search={"learning_rate": Range(0.001, 0.1, log=True)}'


@dataclass(frozen=True)
class Outcome:
    """The result of a search.

    Attributes:
        trials: ``trial`` (from 1), ``accuracy``, which is the score of whatever the outputs'
            roles are, and ``values`` of each trial, in their order.
        best: the values that the next run trains with.
        file: the file with these values.
        score: what the score is called, such as ``accuracy``.
    """

    trials: list[dict[str, Any]]
    best: Tuned
    file: Path
    score: str = "accuracy"

    def to_json(self) -> dict[str, Any]:
        return {
            "values": dict(self.best.values),
            "accuracy": self.best.accuracy,
            "profile_accuracy": self.best.profile_accuracy,
            "trials": self.trials,
            "file": str(self.file),
            "metric": self.score,
        }

    def table(self) -> Any:
        """Returns the trials, the best first, for the terminal."""
        from rich.table import Table

        table = Table(title="Trials", title_justify="left", header_style="bold")
        for name in ("trial", *self.best.values, f"held-out {self.score}"):
            table.add_column(name, justify="right")
        table.add_column("")
        ordered = sorted(self.trials, key=lambda row: (-row["accuracy"], row["trial"]))
        for place, row in enumerate(ordered):
            marks = [] if place else ["best"]
            marks += [] if row["trial"] > 1 else ["the profile's own"]
            values = [str(row["values"][name]) for name in self.best.values]
            table.add_row(
                str(row["trial"]), *values, f"{row['accuracy']:.4f}", ", ".join(marks),
                style="green" if not place else None,
            )  # fmt: skip
        return table

    def to_text(self, config: Config) -> str:
        if not self.best.changes:
            return f"  {self.best}: the next run trains with these"
        name, before = config.spec.name, self.best.profile_accuracy
        than = "" if before is None else f" instead of {before:.4f}"
        lines = "\n".join(f'    "{n}": {json.dumps(v)},' for n, v in self.best.changes.items())
        return (
            f"  {self.best}: held-out {self.score} {self.best.accuracy:.4f}{than}\n"
            f"  the next run trains with it, from {self.file}\n"
            f"  to undo this: fanout tune --model {name} --profile {config.profile_name} --forget\n"
            f"  to keep it, put into models/{name}/spec.py:\n{lines}"
        )


def tune(config: Config, *, trials: int, seconds: float) -> Outcome:
    """Searches, writes the best values for the next run, and returns all trials.

    Args:
        trials: the maximum number of trials, including those of an interrupted search.
        seconds: no trial begins that would end later than this; the first one always runs.

    Raises:
        UserError: the model's spec has no search space, or one that does not fit the profile.
        FanoutError: a gate did not pass, or something that the user must fix; values found earlier
            stay.
    """
    config = replace(config, use_tuned=False)
    check_space(config)
    with exclusive(config.build.folder):
        CONSOLE.print(f"[bold]{config.spec.name}[/], profile {config.profile_name}: tuning")
        log = config.build.logs / f"tune-{time.strftime('%Y%m%d-%H%M%S')}.log"
        with library_noise_to(log), log.open("a") as noise, contextlib.redirect_stdout(noise):
            data.prepare(config)
            rows = _search(config, trials, seconds, log)
        best = min(rows, key=lambda row: (-row["accuracy"], row["trial"]))
        result = Tuned(
            values=best["values"],
            profile=dict(config.profile.hyperparameters),
            accuracy=best["accuracy"],
            profile_accuracy=next((r["accuracy"] for r in rows if r["trial"] == 1), None),
            trials=len(rows),
            found=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        tuned.write(config.build.folder, result)
    return Outcome(rows, result, config.build.folder / tuned.FILE, score_name(config.spec))


def forget(config: Config) -> bool:
    """Restores the profile's own values and removes all trials; returns whether there were any."""
    with exclusive(config.build.folder):
        folder = config.build.folder / FOLDER
        had_trials = folder.is_dir()
        shutil.rmtree(folder, ignore_errors=True)
        return tuned.remove(config.build.folder) or had_trials


def check_space(config: Config) -> None:
    """Raises UserError unless there is a search space that contains the profile's values."""
    file = f"models/{config.spec.name}/spec.py"
    profile = config.profile.hyperparameters
    if not profile.get("epochs"):
        raise UserError(f"{config.spec.name} is not trained (epochs 0): there is nothing to tune")
    if not config.spec.search:
        raise UserError(f"{file} has no search space; add one to its ModelSpec, such as {EXAMPLE}")
    for name, values in config.spec.search.items():
        if name not in profile:
            raise UserError(
                f"{file}: search must name hyperparameters of profile {config.profile_name}, "
                f"got {name!r}; there are: {', '.join(profile)}"
            )
        _check_values(file, name, values, config.profile)


def _check_values(file: str, name: str, values: Any, profile: Profile) -> None:
    own = profile.hyperparameters[name]
    if isinstance(values, Range):
        if not values.low < values.high or (values.log and values.low <= 0):
            raise UserError(
                f"{file}: search of {name} must go from a smaller to a larger number, with log "
                f"from above 0, got {values.low} to {values.high}"
            )
        inside = isinstance(own, int | float) and values.low <= own <= values.high
    else:
        inside = own in values
    if not inside:
        raise UserError(f"{file}: search of {name} must include the profile's own value {own!r}")


def _search(config: Config, trials: int, seconds: float, log: Path) -> list[dict[str, Any]]:
    with CONSOLE.status("loading TFX"), imports.large():
        from pipeline.stages import in_process
        from pipeline.stages.dag import create_tuning_pipeline
        from pipeline.stages.lineage import last_run
        from pipeline.training.search import results
    with component_lines(log):
        try:
            in_process.run(
                create_tuning_pipeline(
                    config,
                    {
                        "trials": trials,
                        "seconds": seconds,
                        "folder": str(config.build.folder / FOLDER),
                    },
                )
            )
        except Exception as error:
            logging.exception("the search stopped")
            raise in_words(error, config, log) from error
    rows = results(
        (
            last_run(config.build.metadata)["Tuner"]["tuner_results"].folder / "tuner_results.json"
        ).read_text()
    )
    if not rows:
        raise FanoutError(f"no trial finished successfully (log: {log})")
    return rows
