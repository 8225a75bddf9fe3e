"""The protocols of a target: a package with two modules.

Its ``target`` module converts and checks. Its ``released`` module knows the target's part of a
release.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Protocol

from core.agreement.checks import Check
from core.agreement.golden import Golden
from models.spec import Limits, ModelSpec, Profile


@dataclass(frozen=True)
class ConvertConfig:
    """The inputs that a conversion may need besides the SavedModel.

    Attributes:
        examples: the training split's TFRecord files (gzip), used for calibration.
        golden: the golden set's folder, used for warm-up requests and sample inputs.
    """

    examples: Path
    golden: Path


@dataclass(frozen=True)
class Artifacts:
    """The files that a conversion wrote.

    Attributes:
        model: the model's name.
        folder: holds everything that the target ships.
        variants: for each variant, the file or folder below ``folder`` that holds its weights.
    """

    model: str
    folder: Path
    variants: Mapping[str, Path]

    def size(self, variant: str) -> int:
        """Returns the variant's size on disk in bytes."""
        path = self.variants[variant]
        files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)


class Target(Protocol):
    """A target's ``target`` module. It does not use TFX: the pipeline's components wrap it."""

    def convert(
        self, saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
    ) -> Artifacts:
        """Converts the SavedModel and returns the artifacts that it wrote below ``out_dir``."""

    def artifacts(self, folder: Path, *, spec: ModelSpec) -> Artifacts:
        """Returns the artifacts of an earlier conversion into ``folder``."""

    def check(
        self, artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]
    ) -> list[Check]:
        """Returns one row per variant and runtime; a failing runtime is a row, not an error."""

    def examples(self, profile: Profile) -> int | None:
        """Returns the number of golden examples that a profile checks; None for all."""


class Released(Protocol):
    """A target's ``released`` module: the parts that can only be written into a release.

    It is separate from ``target``, so a changed text beside the model repeats no conversion.
    """

    def place(self, model: str, version: int) -> PurePath:
        """Returns the path of the artifacts, relative to the target's folder in a release."""

    def finish(
        self, folder: Path, *, spec: ModelSpec, samples: Golden, manifest: Mapping[str, Any]
    ) -> None:
        """Writes the files beside the artifacts.

        Args:
            folder: the target's folder in the release.
            spec: the model's spec.
            samples: the golden examples that the release carries.
            manifest: the release's manifest, without the list of files.
        """
