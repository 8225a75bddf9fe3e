"""Reads pictures from a file or from the camera, in the form that a model takes.

It needs Pillow, and picamera2 for the camera.
"""

import io
import time
from typing import Any

import numpy as np

# The file beside this one; on the Pi there is no package.
from values import ValuesError, fitted  # type: ignore[import-not-found]

MAX_PIXELS = 50_000_000
PICTURES = {".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".png", ".webp"}
_ARRAY = b"\x93NUMPY"


class PictureError(Exception):
    """There is no picture, or it cannot be read; the message says why."""


def load_picture(content: bytes, tensor: dict[str, Any]) -> Any:
    """Returns a picture in the model's form: the contract's type, shape and range.

    Args:
        content: the bytes of a picture file, or of a .npy file with a finished tensor.
        tensor: the contract's input.

    Raises:
        PictureError: it is not a picture, or it is too large.
    """
    if content[:6] == _ARRAY:
        return _array(content, tensor)
    return _in_words(lambda: _pixels(_opened(content), tensor))


def shown_picture(content: bytes) -> Any:
    """Returns a picture file's content as a Pillow image in red, green and blue, to draw on it.

    Raises:
        PictureError: as ``load_picture``; a .npy file is not a picture.
    """
    if content[:6] == _ARRAY:
        raise PictureError("boxes can be drawn on a picture, and a .npy file is not one")
    return _in_words(lambda: _eight_bits(_opened(content)).convert("RGB"))


def _in_words(action: Any) -> Any:
    try:
        return action()
    except PictureError:
        raise
    except Exception as error:  # each decoder raises different errors for damaged files
        # Pillow says "cannot identify image file <_io.BytesIO …>".
        words = " ".join(str(error).partition("<_io")[0].split()) or type(error).__name__
        raise PictureError(f"it is not a picture that can be read: {words}") from None


def _opened(content: bytes) -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise PictureError("Pillow is missing; run: sudo apt install python3-pil") from None
    # Pillow's own limit would print a separate warning first.
    Image.MAX_IMAGE_PIXELS = None
    picture = Image.open(io.BytesIO(content))
    width, height = picture.size
    # Checked before a single pixel is decoded: a small file can claim a huge picture.
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{width} × {height} pixels are too many; at most {MAX_PIXELS:,} are allowed"
        )
    return picture


def _eight_bits(picture: Any) -> Any:
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    # 16-bit grey: Pillow's own conversion to 8 bits clips the values instead of scaling them.
    grey = np.asarray(picture, dtype=np.float32) / 257
    return Image.fromarray(np.clip(np.round(grey), 0, 255).astype(np.uint8))


def _pixels(picture: Any, tensor: dict[str, Any]) -> Any:
    from PIL import Image

    height, width, channels = tensor["shape"]
    picture = _eight_bits(picture).convert({1: "L", 3: "RGB"}.get(channels, "L"))
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BOX)
    values = np.asarray(picture, dtype=np.float32).reshape(height, width, channels)
    low, high = (tensor.get(end) for end in ("minimum", "maximum"))
    low, high = 0.0 if low is None else low, 255.0 if high is None else high
    if (low, high) != (0.0, 255.0):
        values = np.float32(low) + values * np.float32((high - low) / 255)
    dtype = np.dtype(tensor["dtype"])
    return (np.round(values) if dtype.kind in "iu" else values).astype(dtype)


def _array(content: bytes, tensor: dict[str, Any]) -> Any:
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
        return fitted(array, tensor["dtype"]).reshape(array.shape)
    except (ValueError, OSError, EOFError) as error:
        raise PictureError(f"it is not an array that can be read: {error}") from None
    except ValuesError as error:
        raise PictureError(f"the model's input {tensor['name']!r} {error}") from None


def camera_picture() -> bytes:
    """Returns a picture from the camera as the bytes of a PNG file."""
    try:
        from picamera2 import Picamera2  # type: ignore[import-not-found,unused-ignore]
        from PIL import Image
    except ImportError:
        raise PictureError(
            "picamera2 is missing; run: sudo apt install python3-picamera2"
        ) from None
    try:
        camera = Picamera2()
    except (RuntimeError, IndexError) as error:
        raise PictureError(f"no camera can be used: {error}") from None
    try:
        # Picamera2's BGR888 is an array of red, green, blue: the name has the reverse order.
        camera.configure(camera.create_still_configuration(main={"format": "BGR888"}))
        camera.start()
        time.sleep(1)  # the exposure settles
        frame = camera.capture_array()
    finally:
        camera.close()
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "PNG")
    return stream.getvalue()
