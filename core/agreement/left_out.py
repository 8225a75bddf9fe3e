"""Optional variants that failed are left out of a release; a file with the reason replaces them."""

from collections.abc import Iterable
from pathlib import Path

from core.agreement.checks import FAILED, Check
from core.agreement.target import Artifacts

# The end of the name of every file that holds a reason.
REFUSED_FILE = "refused.txt"


def reason_file(file: Path) -> Path:
    """Returns the path of the text that says why a variant's file is missing."""
    return file.with_name(f"{file.name}.{REFUSED_FILE}")


def leave_out(artifacts: Artifacts, checks: Iterable[Check]) -> None:
    """Replaces the file of each optional variant that failed a check by the reason."""
    for check in checks:
        file = artifacts.variants.get(check.variant)
        failed = check.status == FAILED and not check.required
        if failed and file is not None and file.is_file():
            file.unlink()
            reason_file(file).write_text(f"{check.runtime}: {check.reason}\n")
