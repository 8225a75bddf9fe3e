"""The versions, places and tests on docs/private-parts.md exist."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from core.toolchain import ROOT

PAGE = ROOT / "docs" / "private-parts.md"
FILE = re.compile(r"[\w./-]+\.(?:py|ts|sh)")


@dataclass(frozen=True)
class Row:
    """A row of one of the tables, with the text of each column."""

    library: str
    place: str
    part: str
    reason: str
    test: str

    def __str__(self) -> str:
        return f"{self.library}: {self.place}"


def rows() -> list[Row]:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [Row(*row) for row in cells if row[0] != "library"]


def named(text: str) -> Iterator[tuple[str, str]]:
    """Yields each file of a cell with an empty name, then with each name that follows it."""
    file = ""
    for word in re.findall(r"`([^`]+)`", text):
        if FILE.fullmatch(word):
            file = word
            yield file, ""
        else:
            yield file, word


def locked() -> dict[str, set[str]]:
    """Returns the versions of every library in the locks, and Python's."""
    found = {"Python": {"3.11"}}
    for lock in (ROOT / "requirements").glob("*.lock"):
        for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text(), re.M):
            found.setdefault(name, set()).add(version)
    packages = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    for path, entry in packages.items():
        found.setdefault(path.rpartition("node_modules/")[2], set()).add(entry["version"])
    project = (ROOT / "mobile" / "android" / "pom.xml").read_text()
    found |= {
        name: {version}
        for name, version in re.findall(
            r"<artifactId>([\w.-]+)</artifactId>\s*<version>([^<]+)", project
        )
    }
    return found


@pytest.mark.parametrize("row", rows(), ids=str)
def test_a_row_names_what_is_there(row: Row) -> None:
    for cell in (row.place, row.test):
        for file, name in named(cell):
            assert (ROOT / file).is_file(), file
            assert name.rpartition(".")[2] in (ROOT / file).read_text(), f"{file} has no {name}"
    for file, _ in named(row.test):
        assert file.startswith("tests/") or file.endswith(".test.ts")


def test_versions_are_those_of_the_locks() -> None:
    versions = locked()
    for library in {library for row in rows() for library in row.library.split(", ")}:
        name, _, version = library.rpartition(" ")
        assert version in versions.get(name, ()), f"{library}; in the locks: {versions.get(name)}"


def test_every_line_that_ruff_is_told_of_is_on_the_page() -> None:
    places = {file for row in rows() for file, _ in named(row.place)}
    for folder in ("core", "mobile", "models", "pipeline", "serving", "web", "scripts"):
        for source in (ROOT / folder).rglob("*.py"):
            if "node_modules" not in source.parts and "noqa: SLF001" in source.read_text():
                assert source.relative_to(ROOT).as_posix() in places
