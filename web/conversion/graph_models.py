"""Converts a SavedModel to TensorFlow.js graph models, one for each form of the weights."""

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
    """Raises ConversionError when the folder is not a SavedModel."""
    if not (folder / "saved_model.pb").is_file():
        raise ConversionError(f"{folder} is not a SavedModel: it has no saved_model.pb")


def write(saved_model: Path, outputs: Mapping[str, Path], examples: Examples) -> None:
    """Converts ``serving_default`` of the SavedModel; writes model.json and weights per form.

    Args:
        outputs: the folder for each form of the weights; each form is one of FORMS.
        examples: returns raw inputs for calibration; called only for a form that needs them.

    Raises:
        ConversionError: the folder is not a SavedModel, a form is unknown, or the converter failed.
    """
    unknown = ", ".join(sorted(outputs.keys() - FORMS.keys()))
    if unknown:
        raise ConversionError(f"unknown form of web weights: {unknown}; known: {', '.join(FORMS)}")
    require_saved_model(saved_model)
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        model = _converted(saved_model, Path(folder))
    for form, output in outputs.items():
        model.write(output, FORMS[form](model, examples))


def _converted(saved_model: Path, folder: Path) -> GraphModel:
    """Returns the float32 graph model, after the converter has written it to the folder."""
    script = WEB / "conversion" / "to_graph_model.py"
    # -I keeps PYTHONPATH and the caller's folder out of the other environment.
    python = require(WEB_CONVERTER_PYTHON)
    command: list[str | Path] = [python, "-I", script, saved_model.resolve(), folder]
    # Conversion is a single graph rewrite: looking for graphics cards would only take time.
    environment = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    tools.run("tensorflowjs_converter", command, environment, seconds=CONVERT_SECONDS)
    if not (folder / "model.json").is_file():
        raise ConversionError(f"tensorflowjs_converter did not write {folder / 'model.json'}")
    return separated(GraphModel.read(folder))
