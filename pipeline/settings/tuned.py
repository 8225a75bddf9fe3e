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
    """The best of a search.

    Attributes:
        values: the best values, of the hyperparameters that were searched.
        profile: all of the profile's own hyperparameters, as they were then.
        accuracy: on the held-out split, with the best values.
        profile_accuracy: the same with the profile's own; None when training with them failed.
        trials: how many were compared.
        found: when, UTC.
    """

    values: Mapping[str, Value]
    profile: Mapping[str, Value]
    accuracy: float
    profile_accuracy: float | None
    trials: int
    found: str

    @property
    def changes(self) -> dict[str, Value]:
        """Returns the values that are not the profile's own."""
        return {name: value for name, value in self.values.items() if value != self.profile[name]}

    def applies_to(self, profile: Profile) -> bool:
        """Returns whether the profile still says what it said when the values were found.

        Who changes it since has the last word.
        """
        return dict(profile.hyperparameters) == dict(self.profile)

    def __str__(self) -> str:
        changes = [f"{n} {v} instead of {self.profile[n]}" for n, v in self.changes.items()]
        return ", ".join(changes) or "nothing better than the profile's own values"


def read(build: Path) -> Tuned | None:
    """Returns what was found for a build folder; None when nothing was, or it was forgotten.

    Raises:
        UserError: the file is damaged.
    """
    file = build / FILE
    try:
        found = Tuned(**json.loads(file.read_text()))
        str(found)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{file} is damaged: {error}; to go without it, run: fanout tune --forget"
        ) from error
    return found


def write(build: Path, found: Tuned) -> None:
    """Puts the values where the next run takes them up, in one step."""
    write_text(build / FILE, json.dumps(asdict(found), indent=1) + "\n")


def remove(build: Path) -> bool:
    """Goes back to the profile's own values, and returns whether there were others."""
    file = build / FILE
    if not file.exists():
        return False
    file.unlink()
    sync_folder(build)
    return True
