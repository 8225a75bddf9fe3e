"""The report of a release: one self-contained HTML file.

``facts`` gathers the data, each section's module renders one part of it, and ``page`` assembles the
sections. Missing data (the first release, a run whose artifacts are gone) is reported in words.
"""

from pipeline.report.facts import Facts, gather
from pipeline.report.page import render

__all__ = ["Facts", "gather", "render"]
