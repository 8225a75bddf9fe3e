"""Draws answers: the mask of a segmentation, or the boxes of a detection. It needs Pillow."""

import colorsys
from pathlib import Path
from typing import Any

import numpy as np

# The files beside this one; on the Pi there is no package.
from model import Model  # type: ignore[import-not-found]
from pictures import shown_picture  # type: ignore[import-not-found]
from roles import Head  # type: ignore[import-not-found]

# A mask's pixel is one byte.
MOST_CLASSES = 256
# Hues that follow one another by this share of the circle never come near each other soon.
_GOLDEN = 0.618034


class DrawingError(Exception):
    """There is nothing to draw, or it cannot be written; the message says why."""


class Drawings:
    """The files to write of each answer."""

    def __init__(self, model: Model, *, mask: Path | None, boxes: Path | None) -> None:
        """Takes the .png file for masks, and that for boxes; None where they are not wanted.

        Raises:
            DrawingError: the model has nothing to draw in such a file, or it is not a .png file.
        """
        self._model = model
        self._answers = 0
        self._wanted = [
            (head, option, file)
            for option, role, file in (
                ("mask", "segmentation", mask),
                ("boxes", "detection", boxes),
            )
            if file is not None
            for head in self._heads(option, role, file)
        ]
        if boxes and not model.takes_picture:
            raise DrawingError("--boxes draws on a picture, and the model does not take just one")

    def draw(self, answer: dict[str, Any], picture: bytes | None) -> None:
        """Writes the files: for the first answer those that were named, then m-2.png, m-3.png …

        Of several masks, the second has the output's name too, such as m.sky.png.

        Args:
            picture: the bytes of the picture's file; None for a row.

        Raises:
            DrawingError: there is nothing to draw on, or a file cannot be written.
            PictureError: the picture cannot be read.
        """
        self._answers += 1
        number = f"-{self._answers}" if self._answers > 1 else ""
        written: set[Path] = set()
        for head, option, named in self._wanted:
            middle = f".{head.name}" if named in written else ""
            written.add(named)
            file = named.with_name(f"{named.stem}{middle}{number}{named.suffix}")
            if option == "mask":
                draw_mask(head, answer, file)
            elif picture is None:
                raise DrawingError("--boxes draws on a picture's file, and a row has none")
            else:
                draw_boxes(head, answer, picture, self._model.inputs[0]["shape"], file)

    def _heads(self, option: str, role: str, file: Path) -> list[Head]:
        heads = [head for head in self._model.heads if head.role.name == role]
        if not heads:
            raise DrawingError(f"--{option} needs a model with a {role}, and this one has none")
        if file.suffix.lower() != ".png":
            raise DrawingError(f"--{option} must name a .png file, got {file}")
        return heads


def draw_mask(head: Head, answer: dict[str, Any], file: Path) -> None:
    """Writes a PNG file whose pixels are the classes' numbers, of the mask's own size.

    Its palette gives each class a colour; class 0 is black.

    Raises:
        DrawingError: there are too many classes, or the file cannot be written.
    """
    from PIL import Image

    mask = head.role.mask(head, answer)
    if mask.max() >= MOST_CLASSES:
        raise DrawingError(f"a mask's file holds at most {MOST_CLASSES} classes")
    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette([part for place in range(MOST_CLASSES) for part in _colour(place)])
    _save(image, file)


def draw_boxes(head: Head, answer: dict[str, Any], picture: bytes, size: Any, file: Path) -> None:
    """Writes the picture as a PNG file, with the boxes, their labels and scores on it.

    Args:
        picture: the bytes of the picture's file, which may have another size than the model takes.
        size: the height and width of the picture that the model takes.

    Raises:
        DrawingError: the file cannot be written.
        PictureError: the picture cannot be read.
    """
    from PIL import ImageDraw

    image = shown_picture(picture)
    pen = ImageDraw.Draw(image)
    width = max(1, round(min(image.size) / 150))
    found = head.role.found(head, answer)
    colours = {label: _colour(_place(head, label) + 1) for label, _, _ in found}
    form = next(output for output in head.outputs if output["part"] == "boxes").get("box_format")
    for label, score, corners in reversed(found):  # the best are on top
        left, top, right, bottom = _in_pixels(corners, form or "rel_yxyx", size, image.size)
        pen.rectangle((left, top, right, bottom), outline=colours[label], width=width)
        # Pillow's own font has these characters only.
        text = f"{label} {score:.0%}".encode("latin-1", "replace").decode("latin-1")
        area = pen.textbbox((left + width, top + width), text)
        pen.rectangle(area, fill=colours[label])
        pen.text((left + width, top + width), text, fill=(0, 0, 0))
    _save(image, file)


def _in_pixels(corners: Any, form: str, size: Any, shown: Any) -> tuple[float, ...]:
    """Returns left, top, right and bottom in pixels of the picture that is drawn on."""
    one, two, three, four = corners
    left, top, right, bottom = (
        (one, two, three, four) if form.endswith("xyxy") else (two, one, four, three)
    )
    height, width = (1, 1) if form.startswith("rel_") else size[:2]
    across, down = shown[0] / width, shown[1] / height
    # Pillow refuses a box whose right is left of its left.
    left, right = sorted((left * across, right * across))
    top, bottom = sorted((top * down, bottom * down))
    return left, top, right, bottom


def _place(head: Head, label: str) -> int:
    return head.labels.index(label) if label in head.labels else 0


def _colour(place: int) -> tuple[int, int, int]:
    if not place:
        return 0, 0, 0
    red, green, blue = colorsys.hsv_to_rgb(place * _GOLDEN % 1, 0.6, 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


def _save(image: Any, file: Path) -> None:
    try:
        image.save(file, "PNG")
    except OSError as error:
        raise DrawingError(f"{file} cannot be written: {error.strerror or error}") from None
