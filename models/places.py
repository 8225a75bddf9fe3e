"""Where models' folders are: in this package, and in one folder elsewhere that the user names.

Teams keep their models in a repository of their own. Such a folder is added to the path of this
package, so that its modules have the same names as they would have here: ``models.<name>.spec``.
"""

from collections.abc import Iterator
from pathlib import Path

import models
from core.errors import UserError

OWN = Path(__file__).resolve().parent
# The environment variable that names the folder.
VARIABLE = "FANOUT_MODELS"


def use(folder: Path) -> Path:
    """Finds models in this folder too, from now on, and returns its resolved path.

    Raises:
        UserError: it is not a folder, or has a model of a name that this package has.
    """
    place = folder.expanduser().resolve()
    if not place.is_dir():
        raise UserError(
            f"{VARIABLE} must name a folder that has models' folders in it, got {folder}, which "
            f"{'is a file' if place.exists() else 'does not exist'}"
        )
    twice = {file.parent.name for file in place.glob("*/*.py")} & {
        file.stem if file.suffix else file.name for file in OWN.iterdir()
    }
    if twice and place != OWN:
        raise UserError(
            f"models must have names that models/ does not have; {place} has "
            f"{', '.join(sorted(twice))} too. Rename it there"
        )
    if str(place) not in models.__path__:
        models.__path__.append(str(place))
    return place


def folders() -> Iterator[Path]:
    """Yields the folders that hold models' folders, with this package first."""
    yield from (Path(folder) for folder in models.__path__)


def folder_of(name: str) -> Path:
    """Returns a model's folder; where it would be in this package, if there is none."""
    found = (folder / name for folder in folders() if (folder / name / "spec.py").is_file())
    return next(found, OWN / name)
