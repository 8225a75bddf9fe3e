"""The report of a release: one HTML file that needs nothing beside itself.

``facts`` gathers what is known, each section's module says one part of it, ``page`` puts them
together. What is missing (the first release, a run whose artifacts are gone) is said in words.
"""

from pipeline.report.facts import Facts, gather
from pipeline.report.page import render

__all__ = ["Facts", "gather", "render"]
