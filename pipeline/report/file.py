"""The location of a release's report: in the release, or in the build folder if it has none."""

from pathlib import Path

from core.files import sha256, write_text
from pipeline.release.release import REPORT, Release
from pipeline.report.facts import gather
from pipeline.report.page import render
from pipeline.settings.config import Config


def report_file(config: Config, release: Release) -> Path:
    """Returns the report of a release; writes it if the release has no undamaged one.

    A release is never changed, so a new report goes to ``reports/`` in the build folder.
    """
    released = release.folder / REPORT
    entry = release.manifest["files"].get(REPORT)
    if entry and released.is_file() and sha256(released) == entry["sha256"]:
        return released
    file = config.build.folder / "reports" / f"{release.version}.html"
    write_text(file, render(gather(config, release.manifest)))
    return file
