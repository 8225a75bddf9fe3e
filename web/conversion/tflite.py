"""Puts the device's TensorFlow Lite file into the site, where LiteRT.js runs it.

A site is self-contained, and each target is made from the SavedModel alone. So the file is
converted here as well, by the mobile target's own ``convert``, which makes the same bytes from the
same SavedModel.
"""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import mobile.target
from core.agreement.target import ConvertConfig
from models.spec import Limits, ModelSpec

VARIANT = "float32"
# The types for which LiteRT.js has tensors.
TYPES = ("float32", "int32", "uint8")


def add(saved_model: Path, site: Path, *, spec: ModelSpec, config: ConvertConfig) -> Path | None:
    """Returns the path of the file in the site; None when LiteRT.js cannot run the model."""
    if any(tensor.dtype not in TYPES for tensor in (*spec.inputs, *spec.outputs)):
        return None
    # Not required: a model with operators that TensorFlow Lite lacks runs only on TensorFlow.js.
    float32_only = replace(spec, limits={"mobile": {VARIANT: Limits(0.0, required=False)}})
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        converted = mobile.target.convert(
            saved_model, Path(folder), spec=float32_only, config=config
        )
        source = converted.variants[VARIANT]
        if not source.is_file():
            return None
        return Path(shutil.copy(source, site / "model" / source.name))
