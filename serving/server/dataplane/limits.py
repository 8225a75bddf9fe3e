"""What one request may ask for, on any transport."""

from dataclasses import dataclass

from serving.server.dataplane import pictures
from serving.server.dataplane.statuses import invalid
from serving.server.dataplane.tensors import Tensors


@dataclass(frozen=True)
class InputLimits:
    """Bounds of the tensors of a request.

    Attributes:
        rows: the most of the first dimension of an input.
        image_pixels: width times height, of all frames, of an encoded picture in an input.
    """

    rows: int = 8192
    image_pixels: int = 1 << 24

    def check(self, inputs: Tensors) -> None:
        """Raises ServingError (INVALID_ARGUMENT) for inputs beyond a bound."""
        steps = pictures.Steps()
        for alias, array in inputs.items():
            if array.ndim and len(array) > self.rows:
                raise invalid(
                    f"input {alias} has a batch of {len(array)} rows, allowed are {self.rows} "
                    "(--max_request_rows)"
                )
            if array.dtype.kind in "OS":
                for value in array.flat:
                    self._check_picture(alias, value, steps)

    def _check_picture(self, alias: str, value: object, steps: pictures.Steps) -> None:
        try:
            found = pictures.pixels(value, steps) if isinstance(value, bytes) else 0
        except pictures.TooIntricate:
            raise invalid(
                f"input {alias} holds pictures of too many blocks to tell their size"
            ) from None
        if found > self.image_pixels:
            raise invalid(
                f"input {alias} holds a picture of {found} pixels, allowed are "
                f"{self.image_pixels} (--max_image_pixels)"
            )
