"""Picture files as people have them: good ones of every kind, and what only claims to be one."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def write_bad(folder: Path) -> list[Path]:
    """Writes files of which no picture can be had, and returns them."""
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    Image.fromarray(noise).save(stream, "PNG")
    contents = {
        "empty.png": b"",
        "text.png": b"a text file named .png",
        "truncated.png": stream.getvalue()[:900],
        "huge.png": _huge_png(20_000),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def write_good(folder: Path, grey: Image.Image) -> list[Path]:
    """Writes the same picture in every form that is to be read, and returns the files."""
    pixels = np.asarray(grey, dtype=np.uint16) * 257
    Image.fromarray(pixels).save(folder / "sixteen.png")
    frames = [Image.new("L", grey.size, 255)] * 2
    grey.save(folder / "animated.gif", save_all=True, append_images=frames)
    grey.convert("RGB").save(folder / "rgb.png")
    large = grey.resize((280, 280), Image.Resampling.NEAREST)
    large.save(folder / "large.png")
    grey.convert("CMYK").save(folder / "cmyk.jpg", quality=100)
    names = ("sixteen.png", "animated.gif", "rgb.png", "large.png", "cmyk.jpg")
    return [folder / name for name in names]


def _huge_png(side: int) -> bytes:
    """Returns a small file that claims a huge picture, as a bomb does."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    parts = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
