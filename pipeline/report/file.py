"""Where the report of a release is: in the release, or beside them for one made without."""

from pathlib import Path

from core.files import sha256, write_text
from pipeline.release.release import REPORT, Release
from pipeline.report.facts import gather
from pipeline.report.page import render
from pipeline.settings.config import Config


def report_file(config: Config, release: Release) -> Path:
    """Returns the report of a release, written now when the release has none that is whole.

    A release is never changed, so what is written now goes to ``reports/`` in the build folder.
    """
    own = release.folder / REPORT
    entry = release.manifest["files"].get(REPORT)
    if entry and own.is_file() and sha256(own) == entry["sha256"]:
        return own
    file = config.build.folder / "reports" / f"{release.version}.html"
    write_text(file, render(gather(config, release.manifest)))
    return file
