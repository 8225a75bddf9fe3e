"""The limits of one request, on any transport."""

from dataclasses import dataclass

from serving.server.dataplane import pictures
from serving.server.dataplane.statuses import invalid
from serving.server.dataplane.tensors import Tensors


@dataclass(frozen=True)
class InputLimits:
    """Limits for the tensors of a request.

    Attributes:
        rows: the largest first dimension of an input.
        image_pixels: the most pixels of an encoded picture in an input: width times height of all
            its frames.
    """

    rows: int = 8192
    image_pixels: int = 1 << 24

    def check(self, inputs: Tensors) -> None:
        """Raises ServingError (INVALID_ARGUMENT) for inputs beyond a limit."""
        steps = pictures.Steps()
        for alias, array in inputs.items():
            if array.ndim and len(array) > self.rows:
                raise invalid(
                    f"input {alias} has a batch of {len(array)} rows, at most {self.rows} are "
                    "allowed (--max_request_rows)"
                )
            if array.dtype.kind in "OS":
                for value in array.flat:
                    self._check_picture(alias, value, steps)

    def _check_picture(self, alias: str, value: object, steps: pictures.Steps) -> None:
        try:
            pixels = pictures.pixels(value, steps) if isinstance(value, bytes) else 0
        except pictures.TooIntricate:
            raise invalid(
                f"input {alias} holds pictures with too many blocks to determine their size"
            ) from None
        if pixels > self.image_pixels:
            raise invalid(
                f"input {alias} holds a picture of {pixels} pixels, at most {self.image_pixels} "
                "are allowed (--max_image_pixels)"
            )
