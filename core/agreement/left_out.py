"""Optional variants that failed stay out of a release; the reason stands in their place."""

from collections.abc import Iterable
from pathlib import Path

from core.agreement.checks import FAILED, Check
from core.agreement.target import Artifacts


def reason_file(file: Path) -> Path:
    """Returns where it is written why a variant's file is not there."""
    return file.with_name(f"{file.name}.refused.txt")


def leave_out(artifacts: Artifacts, checks: Iterable[Check]) -> None:
    """Puts the reason in the place of each optional variant's file of which a check failed."""
    for check in checks:
        file = artifacts.variants.get(check.variant)
        failed = check.status == FAILED and not check.required
        if failed and file is not None and file.is_file():
            file.unlink()
            reason_file(file).write_text(f"{check.runtime}: {check.reason}\n")
