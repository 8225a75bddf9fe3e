"""The hyperparameters that ``fanout tune`` found: a file in the build folder."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import UserError
from core.files import sync_folder, write_text
from models.spec import Profile

FILE = "tuned.json"
Value = float | int | str


@dataclass(frozen=True)
class Tuned:
    """The best result of a search.

    Attributes:
        values: the best values of the hyperparameters that were searched.
        profile: all of the profile's own hyperparameters at the time of the search.
        accuracy: the held-out accuracy with the best values.
        profile_accuracy: the held-out accuracy with the profile's own values; None when training
            with them failed.
        trials: the number of trials that were compared.
        found: the time at which the values were found, in UTC.
    """

    values: Mapping[str, Value]
    profile: Mapping[str, Value]
    accuracy: float
    profile_accuracy: float | None
    trials: int
    found: str

    @property
    def changes(self) -> dict[str, Value]:
        """Returns the values that differ from the profile's own."""
        return {name: value for name, value in self.values.items() if value != self.profile[name]}

    def applies_to(self, profile: Profile) -> bool:
        """Returns whether the profile is the same as when the values were found.

        A later change to the profile takes precedence over the values.
        """
        return dict(profile.hyperparameters) == dict(self.profile)

    def __str__(self) -> str:
        changes = [f"{n} {v} instead of {self.profile[n]}" for n, v in self.changes.items()]
        return ", ".join(changes) or "nothing better than the profile's own values"


def read(build: Path) -> Tuned | None:
    """Returns the values found for a build folder; None when there are none, or were forgotten.

    Raises:
        UserError: the file is damaged.
    """
    file = build / FILE
    try:
        best = Tuned(**json.loads(file.read_text()))
        str(best)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{file} is damaged: {error}; to discard it, run: fanout tune --forget"
        ) from error
    return best


def write(build: Path, best: Tuned) -> None:
    """Writes the values, in one step, to the file that the next run reads."""
    write_text(build / FILE, json.dumps(asdict(best), indent=1) + "\n")


def remove(build: Path) -> bool:
    """Restores the profile's own values, and returns whether there were others."""
    file = build / FILE
    if not file.exists():
        return False
    file.unlink()
    sync_folder(build)
    return True
