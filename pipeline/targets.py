"""The targets that the SavedModel fans out to. Adding one is adding a package and a row."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.agreement.target import Released, Target
from core.errors import UserError
from core.toolchain import ROOT


@dataclass(frozen=True)
class Row:
    """Where a target's code is, as its fingerprint must know.

    Attributes:
        package: holds the modules ``target`` and ``released``; what they import is found from them.
        runs: further modules that its check runs in processes of their own.
        files: globs, from the project's root, of what is neither: page sources, locks.
    """

    package: str
    runs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Returns the name of the module that converts and checks."""
        return f"{self.package}.target"

    @property
    def released(self) -> str:
        """Returns the name of the module that knows the target's part of a release."""
        return f"{self.package}.released"

    def sources(self) -> Iterator[Path]:
        """Yields the files that the globs name, without tests."""
        for pattern in self.files:
            found = (file for file in ROOT.glob(pattern) if file.is_file())
            yield from (file for file in found if ".test." not in file.name)


TARGETS = {
    "serving": Row(
        "serving",
        runs=("serving.server.main",),
        files=("requirements/pipeline.lock",),
    ),
    "mobile": Row(
        "mobile",
        runs=("mobile.checks.runner", "mobile.checks.latency"),
        files=("requirements/pipeline.lock", "requirements/edge.lock"),
    ),
    "web": Row(
        "web",
        runs=("web.server.site_server",),
        files=(
            "web/app/*.html",
            "web/app/public/*",
            "web/app/src/**/*",
            "web/app/types/*",
            "web/app/worker/*",
            "web/browser/*.ts",
            "web/bundle/*.ts",
            "web/conversion/*.py",
            "web/*.json",
            "web/*.ts",
            "requirements/pipeline.lock",
            "requirements/web-converter.lock",
        ),
    ),
}


def target_named(name: str) -> Target:
    """Returns what converts and checks. Raises UserError, which lists the targets there are."""
    return cast(Target, importlib.import_module(_row(name).module))


def released_of(name: str) -> Released:
    """Returns what knows a target's part of a release. Raises UserError, as ``target_named``."""
    return cast(Released, importlib.import_module(_row(name).released))


def part(release: Path, name: str, *, model: str, version: int) -> Path:
    """Returns where a target's artifacts stand in a release's folder.

    Raises:
        UserError: there is no such target.
    """
    return release / name / released_of(name).place(model, version)


def _row(name: str) -> Row:
    if name not in TARGETS:
        raise UserError(f"unknown target {name!r}; there are: {', '.join(TARGETS)}")
    return TARGETS[name]
