"""The limits of one request, on any transport."""

from dataclasses import dataclass

from serving.server.dataplane import pictures
from serving.server.dataplane.statuses import invalid
from serving.server.dataplane.tensors import Signature, TensorInfo, Tensors

_BYTES_PER_PIXEL = 4


@dataclass(frozen=True)
class InputLimits:
    """Limits for the tensors of a request.

    Attributes:
        rows: the largest first dimension of an input.
        image_pixels: the most pixels of an encoded picture in an input: width times height of all
            its frames.
        tensor_bytes: the most memory that the inputs may occupy together.
    """

    rows: int = 8192
    image_pixels: int = 1 << 24
    tensor_bytes: int = 256 << 20

    def check(self, signature: Signature, inputs: Tensors) -> int:
        """Returns the weight of inputs: bytes, and four for each pixel of encoded pictures.

        Raises ServingError (INVALID_ARGUMENT) for inputs beyond a limit.

        Args:
            signature: tells which inputs have a batch.
            inputs: one array for each of its inputs.
        """
        for alias, info in signature.inputs.items():
            self.check_rows(alias, info, inputs[alias].shape)
        return self.check_content(inputs)

    def check_content(self, inputs: Tensors) -> int:
        """Does the same without a signature: the number of rows is not checked."""
        size = pixels = 0
        steps = pictures.Steps()
        for alias, array in inputs.items():
            size += array.nbytes
            if array.dtype.kind in "OS":
                for value in array.flat:
                    size += len(value)
                    pixels += self._check_picture(alias, value, steps)
        self.check_bytes(size)
        return size + pixels * _BYTES_PER_PIXEL

    def check_rows(self, alias: str, info: TensorInfo, shape: tuple[int, ...]) -> None:
        """Raises ServingError for an input with too many rows, if its first dimension is open."""
        if shape and shape[0] > self.rows and (info.batched or info.shape is None):
            raise invalid(
                f"input {alias} has a batch of {shape[0]} rows, at most {self.rows} are "
                "allowed (--max_request_rows)"
            )

    def check_bytes(self, size: int) -> None:
        """Raises ServingError when the inputs, which occupy this many bytes, are too large."""
        if size > self.tensor_bytes:
            raise invalid(
                f"the inputs occupy {size} bytes, at most {self.tensor_bytes} are allowed "
                "(--max_tensor_bytes)"
            )

    def _check_picture(self, alias: str, value: object, steps: pictures.Steps) -> int:
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
        return pixels
