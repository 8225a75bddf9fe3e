"""Locations of files in a site, defined only here."""

from collections.abc import Iterable
from pathlib import Path

# A release writes its version into these after the build.
CONTRACT, GOLDEN, RELEASED, PACKAGE = (
    "contract.json",
    "golden.json",
    "released.json",
    "package.json",
)
STAMPED = (CONTRACT, GOLDEN, RELEASED)
# A page's server that has a model server gives another answer: see web/server/site_server.py.
SERVER = "server.json"


def model_folders(site: Path, forms: Iterable[str]) -> dict[str, Path]:
    """Returns the graph model's folder for each form of the weights, the shipped one first."""
    first, *others = forms
    model = site / "model"
    return {first: model, **{form: model / form for form in others}}


def tflite_file(site: Path, model: str) -> Path:
    """Returns the path of the TensorFlow Lite file, which not every site has."""
    return site / "model" / f"{model}.float32.tflite"
