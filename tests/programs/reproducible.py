"""Compares the releases of two runs of a model, which are made in separate build folders.

`make reproducible MODEL=penguins PROFILE=quick` makes both runs, one after the other. It prints how
many files are the same. For each file that differs, it prints why it may differ, or that it must
not.
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
# The files that may differ, and the reason. Apart from that, their contents are compared too.
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
    """The comparison of one file.

    Attributes:
        name: its name in the release.
        verdict: same, differs as expected, or differs.
        reason: why it may differ, or what is wrong.
    """

    name: str
    verdict: str
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """The comparison of all files of two releases."""

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
    """Compares the files of two releases, in the order of their names."""
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
    """Returns a manifest, or the page's part of it, without times and checksums of other files."""
    manifest: dict[str, Any] = json.loads(content)
    checks = [
        {name: value for name, value in check.items() if not name.endswith(_MEASURES)}
        for check in manifest["checks"]
    ]
    files = sorted(manifest.get("files", ()))
    return {**manifest, "created": None, "checks": checks, "files": files}


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
    """Runs in an empty build folder that shares the data sets, and returns the release's folder."""
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
        parser.error(
            f"give two folders of releases, or none for two runs; got {len(options.releases)}"
        )
    if options.releases:
        comparison = compare(*options.releases)
    else:
        config = Config.from_environment(options.model, options.profile)
        (config.builds / "datasets").mkdir(parents=True, exist_ok=True)
        # Below the builds folder, because many systems keep their temporary folder in memory.
        with tempfile.TemporaryDirectory(dir=config.builds, prefix="reproducible-") as scratch:
            comparison = compare(*(_released(config, Path(scratch) / name) for name in ("1", "2")))
    print(comparison.text())
    return 0 if comparison.is_reproducible else 1


if __name__ == "__main__":
    sys.exit(main())
