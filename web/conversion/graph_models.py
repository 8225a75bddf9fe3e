"""Converts a SavedModel to TensorFlow.js graph models, one for each form of the weights."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from core.toolchain import WEB, WEB_CONVERTER_PYTHON, require
from web import tools
from web.conversion import operators
from web.conversion.graph_model import GraphModel
from web.conversion.rewriting import rewritten
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
        ConversionError: the folder is not a SavedModel, a form is unknown, the converter failed, or
            TensorFlow.js cannot run the model; then the message names the operators and layers.
    """
    unknown = ", ".join(sorted(outputs.keys() - FORMS.keys()))
    if unknown:
        raise ConversionError(f"unknown form of web weights: {unknown}; known: {', '.join(FORMS)}")
    require_saved_model(saved_model)
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        convert({saved_model: Path(folder)})
        model = rewritten(GraphModel.read(Path(folder)))
    refused = operators.refusals(model)
    if refused:
        raise ConversionError("; ".join(str(each) for each in refused))
    for form, output in outputs.items():
        model.write(output, FORMS[form](model, examples))


def convert(folders: Mapping[Path, Path]) -> None:
    """Has TensorFlow.js' converter write a graph model, in float32, for each SavedModel.

    One process converts them all: it spends most of its time importing TensorFlow. The graph models
    are as the converter makes them, before any rule.

    Args:
        folders: the folder to write to, by SavedModel.

    Raises:
        ConversionError: the converter failed.
    """
    script = WEB / "conversion" / "to_graph_model.py"
    # -I keeps PYTHONPATH and the caller's folder out of the other environment.
    python = require(WEB_CONVERTER_PYTHON)
    paths = [path.resolve() for pair in folders.items() for path in pair]
    command: list[str | Path] = [python, "-I", script, *paths]
    # Conversion is a single graph rewrite: looking for graphics cards would only take time.
    environment = {
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Its graph optimizer would use operators that only oneDNN has, such as _FusedHardSwish.
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }
    tools.run("tensorflowjs_converter", command, environment, seconds=CONVERT_SECONDS)
    for folder in folders.values():
        if not (folder / "model.json").is_file():
            raise ConversionError(f"tensorflowjs_converter did not write {folder / 'model.json'}")
