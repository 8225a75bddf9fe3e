"""The size of a picture is known before it is decoded."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.pictures import Steps, TooIntricate, pixels
from serving.server.dataplane.statuses import ServingError
from serving.server.dataplane.tensors import DT_STRING, Signature, TensorInfo


def encoded(kind: str, width: int = 30, height: int = 20, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, kind, **options)
    return buffer.getvalue()


def signature(alias: str) -> Signature:
    return Signature("s", "", {alias: TensorInfo(alias, DT_STRING, (-1,))}, {})


def size(data: bytes) -> int:
    return pixels(data, Steps())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(500)}),
        ("GIF", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"lossless": False}),
        ("WEBP", {"exif": b"Exif\0\0" + bytes(50)}),
    ],
)
def test_pixels(kind: str, options: dict[str, object]) -> None:
    data = encoded(kind, **options)
    assert size(data) == 600
    assert kind == "BMP" or size(b"\x0a\x10 in a record " + data) == 600
    for end in range(0, len(data), 7):
        size(data[:end])  # cut anywhere: no error


def test_every_frame_counts() -> None:
    frames = [Image.new("RGB", (30, 20), (50 * tone, 9, 9)) for tone in range(5)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert size(buffer.getvalue()) == 5 * 600


def test_a_few_bytes_that_claim_gigabytes() -> None:
    header = b"IHDR" + (50_000).to_bytes(4, "big") * 2 + bytes([8, 6, 0, 0, 0])
    bomb = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + header
    bomb += zlib.crc32(header).to_bytes(4, "big")
    assert size(bomb) == 2_500_000_000
    array = np.array([b"text", bomb], object)
    with pytest.raises(
        ServingError, match="picture of 2500000000 pixels, at most 16777216 are allowed"
    ):
        InputLimits().check(signature("image_bytes"), {"image_bytes": array})


def test_looking_for_the_size_is_bounded() -> None:
    for data in (b"\xff\xd8\xff" * 400_000, b"\xff\xd8" + b"\xff\xfe\x00\x02" * 400_000):
        with pytest.raises(TooIntricate):
            size(data)
        with pytest.raises(ServingError, match="too many blocks"):
            InputLimits().check(signature("x"), {"x": np.array([data], object)})


@pytest.mark.parametrize("data", [b"", b"BM", b"GIF89a", b"\xff\xd8\xff", b"hello world " * 100])
def test_what_is_no_picture(data: bytes) -> None:
    assert size(data) == 0
