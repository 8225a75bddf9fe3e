"""Puts the device's TensorFlow Lite file into the site, where LiteRT.js runs it.

A site stands alone and each target is made from the SavedModel alone, so the file is converted
here too, by the mobile target's own verb: of the same SavedModel it makes the same bytes.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import mobile.target
from core.agreement.target import ConvertConfig
from models.spec import Limits, ModelSpec

VARIANT = "float32"
# The types that LiteRT.js has tensors of.
TYPES = ("float32", "int32")


def add(saved_model: Path, site: Path, *, spec: ModelSpec, config: ConvertConfig) -> Path | None:
    """Returns the file below ``site/model``; None when LiteRT.js cannot run the model."""
    if any(tensor.dtype not in TYPES for tensor in spec.inputs):
        return None
    # Not required: a model with operators that TensorFlow Lite lacks runs on TensorFlow.js alone.
    alone = replace(spec, limits={"mobile": {VARIANT: Limits(0.0, required=False)}})
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        made = mobile.target.convert(saved_model, Path(folder), spec=alone, config=config)
        source = made.variants[VARIANT]
        if not source.is_file():
            return None
        return Path(shutil.copy(source, site / "model" / source.name))
