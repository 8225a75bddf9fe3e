"""Pictures of examples, as data URIs."""

import base64
import io

import numpy as np

from core.arrays import Array
from models.spec import Tensor

CHANNELS = {1: "L", 3: "RGB"}


def drawable(tensor: Tensor) -> bool:
    """Returns whether a tensor's values can be shown as a picture."""
    return tensor.kind == "image" and len(tensor.shape) == 3 and tensor.shape[2] in CHANNELS


def data_uri(values: Array, tensor: Tensor) -> str:
    """Returns one example's picture, height x width x channels, as a PNG in a data URI.

    The tensor's range is mapped to black to full brightness; without one, the example's range is.
    """
    from PIL import Image

    low = float(values.min()) if tensor.minimum is None else tensor.minimum
    high = float(values.max()) if tensor.maximum is None else tensor.maximum
    scaled = np.clip((values.astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
    pixels = np.round(scaled * 255).astype(np.uint8)
    picture = Image.fromarray(pixels[..., 0] if values.shape[2] == 1 else pixels)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
