"""What every target is: a package with a ``target`` module, which converts and checks, and a
``released`` module, which knows its part of a release."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol

from core.agreement.checks import Check
from core.agreement.golden import Golden
from models.spec import Limits, ModelSpec, Profile


@dataclass(frozen=True)
class ConvertConfig:
    """What a conversion may need beside the SavedModel.

    Attributes:
        examples: the training split's TFRecord files (gzip), for calibration.
        golden: the golden set's folder, for warm-up requests and sample inputs.
    """

    examples: Path
    golden: Path


@dataclass(frozen=True)
class Artifacts:
    """What a conversion wrote.

    Attributes:
        model: the model's name.
        folder: everything that the target ships.
        variants: for each variant, the file or folder below ``folder`` that holds its weights.
    """

    model: str
    folder: Path
    variants: Mapping[str, Path]

    def size(self, variant: str) -> int:
        """Returns how many bytes the variant takes on disk."""
        path = self.variants[variant]
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)


class Target(Protocol):
    """A target's ``target`` module. It knows nothing of TFX: the pipeline's components wrap it."""

    def convert(
        self, saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
    ) -> Artifacts:
        """Returns what it wrote below ``out_dir``, made from the SavedModel alone."""

    def artifacts(self, folder: Path, *, spec: ModelSpec) -> Artifacts:
        """Returns what an earlier conversion left in ``folder``."""

    def check(
        self, artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]
    ) -> list[Check]:
        """Returns one row a variant and runtime; a runtime that fails is a row, not an error."""

    def examples(self, profile: Profile) -> int | None:
        """Returns how many of the golden examples are checked with a profile; None for all."""


class Released(Protocol):
    """A target's ``released`` module: what only a release knows of its part.

    It is apart from ``target``, so that a changed text beside the model converts nothing anew.
    """

    def place(self, model: str, version: int) -> PurePath:
        """Returns where, in the target's folder of a release, its artifacts stand."""

    def finish(
        self, folder: Path, *, spec: ModelSpec, samples: Golden, manifest: Mapping[str, Any]
    ) -> None:
        """Writes what stands beside the artifacts.

        Args:
            folder: the target's in the release.
            spec: of the model.
            samples: the golden examples that the release carries.
            manifest: the release's, without the list of files.
        """
