"""Where things stand in a site: the one place that knows."""

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
# Answered otherwise by a server that stands beside a model server: see web/server/site_server.py.
SERVER = "server.json"


def model_folders(site: Path, forms: Iterable[str]) -> dict[str, Path]:
    """Returns the graph model's folder for each form of the weights, the shipped one first."""
    first, *others = forms
    model = site / "model"
    return {first: model, **{form: model / form for form in others}}


def tflite_file(site: Path, model: str) -> Path:
    """Returns where the TensorFlow Lite file stands when there is one."""
    return site / "model" / f"{model}.float32.tflite"
