"""Pictures of examples, as data URIs."""

import base64
import colorsys
import io

import numpy as np

from core.agreement.golden import Golden
from core.arrays import Array
from models.spec import ModelSpec, Tensor

CHANNELS = {1: "L", 3: "RGB"}
# A report shows pictures no larger than this, in pixels; larger ones would only make it larger.
MOST = 160
# The share of a class's colour over a picture.
_COVER = 0.55
# A hue that differs by the golden section from the last one differs from all others too.
_GOLDEN = (5**0.5 - 1) / 2


def drawable(tensor: Tensor) -> bool:
    """Returns whether a tensor's values can be shown as a picture."""
    return tensor.kind == "image" and len(tensor.shape) == 3 and tensor.shape[2] in CHANNELS


def input_picture(spec: ModelSpec, golden: Golden) -> Tensor | None:
    """Returns the first input that is a picture; None if there is none."""
    shown = (t for t in spec.inputs if drawable(t) and t.name in golden.inputs)
    return next(shown, None)


def data_uri(values: Array, tensor: Tensor) -> str:
    """Returns one example's picture, height x width x channels, as a PNG in a data URI."""
    picture = pixels(values, tensor)
    return png(picture[..., 0] if values.shape[2] == 1 else picture)


def pixels(values: Array, tensor: Tensor) -> Array:
    """Returns one example's picture as RGB, uint8, of the shape (height, width, 3).

    The tensor's range is mapped to black to full brightness; without one, the example's range is.
    """
    low = float(values.min()) if tensor.minimum is None else tensor.minimum
    high = float(values.max()) if tensor.maximum is None else tensor.maximum
    scaled = np.clip((values.astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
    grey = np.round(scaled * 255).astype(np.uint8)
    return np.broadcast_to(grey, (*grey.shape[:2], 3))


def masked(picture: Array, mask: Array) -> Array:
    """Returns a picture under the colours of its pixels' classes; class 0 leaves it as it is.

    Args:
        picture: RGB, uint8.
        mask: a class for each of its pixels, or for each part of a coarser or finer grid.
    """
    rows, columns = (
        np.arange(size) * mask.shape[axis] // size for axis, size in enumerate(picture.shape[:2])
    )
    classes = mask[rows[:, None], columns[None]]
    colours = np.array([colour(number) for number in range(int(classes.max(initial=0)) + 1)])
    cover = np.where(classes > 0, _COVER, 0.0)[..., None]
    return np.asarray(picture * (1 - cover) + colours[classes] * cover).round().astype(np.uint8)


def colour(number: int) -> tuple[int, int, int]:
    """Returns the colour of a class, as red, green and blue up to 255."""
    red, green, blue = colorsys.hsv_to_rgb((number * _GOLDEN) % 1, 0.75, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def png(picture: Array) -> str:
    """Returns a grey or RGB picture as a PNG in a data URI, made smaller if it is large."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((MOST, MOST))
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
