"""Releases that come, go and break while a soak test runs."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

MODEL = "half"
KEPT_RELEASES = 6


class Releases:
    """Releases with a link to the current one, in the layout that the pipeline uses."""

    def __init__(self, folder: Path, templates: list[Path], chance: random.Random) -> None:
        self.folder = folder
        self._templates = templates
        self._chance = chance
        self._number = 0
        self.good: dict[int, int] = {}  # each whole release's number: its template

    @property
    def base_path(self) -> Path:
        return self.folder / "current" / MODEL

    def add(self, template: int) -> int:
        """Adds a whole release and returns its number."""
        self._number += 1
        shutil.copytree(self._templates[template], self.saved_model(self._number))
        self.good[self._number] = template
        return self._number

    def saved_model(self, number: int) -> Path:
        return self.folder / str(number) / MODEL / str(number)

    def promote(self, number: int) -> None:
        link = self.folder / "next"
        link.symlink_to(str(number))
        link.rename(self.folder / "current")

    def corrupt(self, number: int) -> str:
        """Damages a release and returns how."""
        path = self.saved_model(number)
        self.good.pop(number, None)
        weights = path / "variables" / "variables.data-00000-of-00001"
        index = path / "variables" / "variables.index"
        graph = path / "saved_model.pb"
        ways: dict[str, Callable[[], object]] = {
            "weights cut short": lambda: weights.write_bytes(weights.read_bytes()[:-3]),
            "graph cut short": lambda: graph.write_bytes(graph.read_bytes()[:2000]),
            "graph is noise": lambda: graph.write_bytes(self._chance.randbytes(5000)),
            "index is noise": lambda: index.write_bytes(self._chance.randbytes(200)),
            "no weights": lambda: shutil.rmtree(path / "variables"),
            "no graph": graph.unlink,
            "no files": lambda: (shutil.rmtree(path), path.mkdir()),
        }
        way = self._chance.choice(sorted(ways))
        ways[way]()
        return way

    def prune(self, current: int) -> None:
        """Removes old releases, except the current one."""
        numbers = sorted(int(one.name) for one in self.folder.iterdir() if one.name.isdecimal())
        for number in numbers[:-KEPT_RELEASES]:
            if number != current:
                shutil.rmtree(self.folder / str(number))
                self.good.pop(number, None)
