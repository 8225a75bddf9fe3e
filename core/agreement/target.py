"""What every target is: a package whose ``target`` module has the two verbs convert and check."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.agreement.checks import Check
from core.agreement.golden import Golden
from models.spec import Limits, ModelSpec


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
    """The two verbs. Neither knows of TFX: the fan-out wraps them as components."""

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
