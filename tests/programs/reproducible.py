"""Whether two runs of a model in build folders of their own release the same files.

`make reproducible MODEL=penguins PROFILE=quick` makes both runs, one after the other, and prints
how many files are the same, and each that differs with the reason why it may, or that it must not.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.toolchain import ROOT
from pipeline.release.integrity import MANIFEST, SIGNATURE, SUMS
from pipeline.settings.config import Config

FANOUT = ROOT / ".venv" / "bin" / "fanout"
MEASURED = "says when the release was made and how long predictions took"
# What may differ, why, and whether all but that must be the same.
EXPECTED = {
    MANIFEST: MEASURED,
    "web/released.json": MEASURED,
    "report.html": MEASURED,
    SUMS: "has the checksums of the others",
    SIGNATURE: "ECDSA signs with a random number",
}
_MEASURES = ("_ms", "_mib")
_SAME, _AS_EXPECTED, _DIFFERS = "same", "differs as expected", "differs"


@dataclass(frozen=True)
class Row:
    """What became of a file in the second run.

    Attributes:
        name: in the release.
        verdict: same, differs as expected, or differs.
        reason: why it may differ, or what is wrong.
    """

    name: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """All files of two releases."""

    rows: list[Row]

    @property
    def is_reproducible(self) -> bool:
        return all(row.verdict != _DIFFERS for row in self.rows)

    def of(self, verdict: str) -> list[Row]:
        return [row for row in self.rows if row.verdict == verdict]

    def text(self) -> str:
        differing = [*self.of(_AS_EXPECTED), *self.of(_DIFFERS)]
        width = max((len(row.name) for row in differing), default=0)
        lines = [f"  {row.name:<{width}}  {row.verdict}: {row.reason}" for row in differing]
        counts = (f"{len(self.of(one))} {one}" for one in (_SAME, _AS_EXPECTED, _DIFFERS))
        return "\n".join([*lines, f"{len(self.rows)} files: {', '.join(counts)}"])


def compare(first: Path, second: Path) -> Comparison:
    """Returns how the files of two releases compare, in the order of their names."""
    names = sorted({*_files(first), *_files(second)})
    return Comparison([_row(name, first / name, second / name) for name in names])


def _row(name: str, first: Path, second: Path) -> Row:
    if not (first.is_file() and second.is_file()):
        return Row(name, _DIFFERS, f"only the {'first' if first.is_file() else 'second'} has it")
    contents = first.read_bytes(), second.read_bytes()
    if contents[0] == contents[1]:
        return Row(name, _SAME)
    if name not in EXPECTED:
        return Row(name, _DIFFERS, "the same was expected")
    if essence := _ESSENCE.get(name):
        one, other = map(essence, contents)
        if parts := sorted(
            key for key in {*one, *other} if one.get(key, ...) != other.get(key, ...)
        ):
            return Row(name, _DIFFERS, f"{EXPECTED[name]}, but {', '.join(parts)} must not differ")
    return Row(name, _AS_EXPECTED, EXPECTED[name])


def _without_measurements(content: bytes) -> dict[str, Any]:
    """Returns a manifest, or what the page shows of it, without times and others' checksums."""
    found: dict[str, Any] = json.loads(content)
    checks = [
        {name: value for name, value in check.items() if not name.endswith(_MEASURES)}
        for check in found["checks"]
    ]
    return {**found, "created": None, "checks": checks, "files": sorted(found.get("files", ()))}


def _names(content: bytes) -> dict[str, Any]:
    return dict.fromkeys(line.split(maxsplit=1)[1] for line in content.decode().splitlines())


_ESSENCE: Mapping[str, Callable[[bytes], dict[str, Any]]] = {
    MANIFEST: _without_measurements,
    "web/released.json": _without_measurements,
    SUMS: _names,
}


def _files(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]


def _released(config: Config, builds: Path) -> Path:
    """Returns the release of a run in an empty folder, with the data of the others."""
    builds.mkdir()
    (builds / "datasets").symlink_to(config.builds / "datasets")
    command = [FANOUT, "run", "--model", config.spec.name, "--profile", config.profile_name]
    subprocess.run(command, check=True, env={**os.environ, "FANOUT_BUILD": str(builds)})
    return (builds / config.build.name / "releases" / "current").resolve()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.programs.reproducible", description=__doc__
    )
    parser.add_argument("--model", default=os.environ.get("MODEL") or "fashion")
    parser.add_argument("--profile", default=os.environ.get("PROFILE") or "default")
    parser.add_argument(
        "releases", nargs="*", type=Path, help="folders of two releases, instead of two runs"
    )
    options = parser.parse_args()
    if options.releases and len(options.releases) != 2:
        parser.error(f"two folders of releases, or none, got {len(options.releases)}")
    if options.releases:
        found = compare(*options.releases)
    else:
        config = Config.from_environment(options.model, options.profile)
        (config.builds / "datasets").mkdir(parents=True, exist_ok=True)
        # Below the builds folder: the temporary folder of many systems is in memory.
        with tempfile.TemporaryDirectory(dir=config.builds, prefix="reproducible-") as scratch:
            found = compare(*(_released(config, Path(scratch) / name) for name in ("1", "2")))
    print(found.text())
    return 0 if found.is_reproducible else 1


if __name__ == "__main__":
    sys.exit(main())
