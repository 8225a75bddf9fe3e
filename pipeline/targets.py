"""The targets that the SavedModel fans out to. To add one, add a package and a row."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.agreement.target import Released, Target
from core.errors import UserError
from core.toolchain import ROOT
from models.spec import ModelSpec


@dataclass(frozen=True)
class Row:
    """The locations of a target's code, which its fingerprint covers.

    Attributes:
        package: holds the modules ``target`` and ``released``; their imports are followed.
        runs: other modules, which its check runs in separate processes.
        files: globs, from the project's root, of all other files: page sources, locks.
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
        """Returns the name of the module that handles the target's part of a release."""
        return f"{self.package}.released"

    def sources(self) -> Iterator[Path]:
        """Yields the files that match the globs, without tests."""
        for pattern in self.files:
            files = (file for file in ROOT.glob(pattern) if file.is_file())
            yield from (file for file in files if ".test." not in file.name)


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


def targets_of(spec: ModelSpec) -> list[str]:
    """Returns the targets that a model has limits for; it does without the others on purpose.

    Raises:
        UserError: the limits name an unknown target, or have no required float32 SavedModel.
    """
    for name in spec.limits:
        _row(name)
    served = spec.limits.get("serving", {}).get("float32")
    if served is None or not served.required:
        raise UserError(
            f"the limits of model {spec.name!r} must have 'serving' with a required 'float32': "
            "the server runs the SavedModel that every other target is compared with; got "
            f"{'none' if served is None else 'one that is not required'}"
        )
    return [name for name in TARGETS if spec.limits.get(name)]


def target_named(name: str) -> Target:
    """Returns the module that converts and checks.

    Raises:
        UserError: there is no such target; the message lists the targets.
    """
    return cast(Target, importlib.import_module(_row(name).module))


def released_of(name: str) -> Released:
    """Returns the module that handles a target's part of a release.

    Raises: the same errors as ``target_named``.
    """
    return cast(Released, importlib.import_module(_row(name).released))


def part(release: Path, name: str, *, model: str, version: int) -> Path:
    """Returns the folder of a target's artifacts in a release's folder.

    Raises:
        UserError: there is no such target.
    """
    return release / name / released_of(name).place(model, version)


def _row(name: str) -> Row:
    if name not in TARGETS:
        raise UserError(f"unknown target {name!r}; there are: {', '.join(TARGETS)}")
    return TARGETS[name]
