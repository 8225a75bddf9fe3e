"""The targets that the SavedModel fans out to. Adding one is adding a package and a row."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from core.agreement.target import Target
from core.errors import UserError
from core.toolchain import ROOT


@dataclass(frozen=True)
class Row:
    """Where a target's code is, as its fingerprint must know.

    Attributes:
        module: holds the verbs; what it imports is found from it.
        runs: further modules that its check runs in processes of their own.
        files: globs, from the project's root, of what is neither: page sources, locks.
    """

    module: str
    runs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def sources(self) -> Iterator[Path]:
        """Yields the files that the globs name, without tests."""
        for pattern in self.files:
            found = (file for file in ROOT.glob(pattern) if file.is_file())
            yield from (file for file in found if ".test." not in file.name)


TARGETS = {
    "serving": Row(
        "serving.target",
        runs=("serving.server.main",),
        files=("requirements/pipeline.lock",),
    ),
    "mobile": Row(
        "mobile.target",
        runs=("mobile.checks.runner", "mobile.checks.latency"),
        files=("requirements/pipeline.lock", "requirements/edge.lock"),
    ),
    "web": Row(
        "web.target",
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
    """Returns a target's module. Raises UserError, which lists those there are."""
    if name not in TARGETS:
        raise UserError(f"unknown target {name!r}; there are: {', '.join(TARGETS)}")
    return cast(Target, importlib.import_module(TARGETS[name].module))
