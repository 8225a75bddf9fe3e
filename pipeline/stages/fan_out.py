"""Converts and checks one target, so that what one cannot do does not hide what the others can.

A conversion that fails leaves its reason in place of the artifacts, and the target's check fails
with that reason. Targets do the same themselves for a single variant
(``core/agreement/left_out.py``).
"""

import logging
import shutil
from pathlib import Path

from core.agreement.checks import FAILED, Check, failure
from core.agreement.golden import Golden
from core.agreement.left_out import REFUSED_FILE
from core.agreement.target import ConvertConfig
from core.errors import DataError, FanoutError
from core.files import write_text
from models.spec import ModelSpec
from pipeline.targets import target_named


def convert(
    target: str, saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> None:
    """Replaces ``out_dir`` with the target's artifacts, or with the reason why there are none.

    Raises:
        DataError, OSError: damaged data and a full disk are not the model's fault, and the next
            target would meet them too.
    """
    shutil.rmtree(out_dir, ignore_errors=True)
    try:
        target_named(target).convert(saved_model, out_dir, spec=spec, config=config)
    except (DataError, OSError):
        raise
    except Exception as error:
        logging.exception("the conversion for %s failed", target)
        shutil.rmtree(out_dir, ignore_errors=True)
        out_dir.mkdir(parents=True)
        kind = "" if isinstance(error, FanoutError) else f"{type(error).__name__}: "
        write_text(out_dir / REFUSED_FILE, " ".join(f"{kind}{error}".split()))


def check(target: str, folder: Path, golden: Golden, *, spec: ModelSpec) -> list[Check]:
    """Returns the rows of the target's check of what ``convert`` wrote to the folder."""
    refused = folder / REFUSED_FILE
    if refused.is_file():
        reason = refused.read_text()
        return [
            failure(Check(target, variant, "conversion", FAILED), reason, limits=limits)
            for variant, limits in spec.limits[target].items()
        ]
    runner = target_named(target)
    artifacts = runner.artifacts(folder, spec=spec)
    return runner.check(artifacts, golden, limits=spec.limits[target])


def has_refusals(folder: Path) -> bool:
    """Returns whether a conversion left a reason in place of an artifact."""
    return any(folder.rglob(f"*{REFUSED_FILE}"))
