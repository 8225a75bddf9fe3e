"""Makes TensorFlow.js graph models of a SavedModel, one for each form of the weights."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from core.toolchain import WEB, WEB_CONVERTER_PYTHON, require
from web import tools
from web.conversion.graph_model import GraphModel
from web.conversion.residuals import separated
from web.conversion.weights import FORMS, Examples
from web.tools import ConversionError

CONVERT_SECONDS = 600


def require_saved_model(folder: Path) -> None:
    """Raises ConversionError when it is none."""
    if not (folder / "saved_model.pb").is_file():
        raise ConversionError(f"{folder} is no SavedModel: it holds no saved_model.pb")


def write(saved_model: Path, outputs: Mapping[str, Path], examples: Examples) -> None:
    """Writes model.json and its weights from ``serving_default`` of the SavedModel.

    Args:
        outputs: for each form of the weights, one of FORMS, its folder.
        examples: returns raw inputs to calibrate with; called for a form that needs them.

    Raises:
        ConversionError: it is no SavedModel, a form is not known, or the converter failed.
    """
    unknown = ", ".join(sorted(outputs.keys() - FORMS.keys()))
    if unknown:
        raise ConversionError(f"unknown web weights: {unknown}; there are: {', '.join(FORMS)}")
    require_saved_model(saved_model)
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        model = _converted(saved_model, Path(folder))
    for form, output in outputs.items():
        model.write(output, FORMS[form](model, examples))


def _converted(saved_model: Path, folder: Path) -> GraphModel:
    """Returns the graph model with float32 weights, which the converter writes to the folder."""
    script = WEB / "conversion" / "to_graph_model.py"
    # -I: neither the caller's PYTHONPATH nor its folder reaches the other environment.
    python = require(WEB_CONVERTER_PYTHON)
    command: list[str | Path] = [python, "-I", script, saved_model.resolve(), folder]
    # Conversion is one graph rewrite; TensorFlow would spend time on finding graphics cards.
    environment = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    tools.run("tensorflowjs_converter", command, environment, seconds=CONVERT_SECONDS)
    if not (folder / "model.json").is_file():
        raise ConversionError(f"tensorflowjs_converter wrote no {folder / 'model.json'}")
    return separated(GraphModel.read(folder))
