"""Reads the number of pixels of an encoded picture from its header.

A few bytes can make a decoder allocate gigabytes.
"""

from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_GIF = (b"GIF87a", b"GIF89a")
_BMP = b"BM"
_RIFF, _WEBP = b"RIFF", b"WEBP"
# JPEG markers that begin a frame; C4, C8 and CC in this range have other meanings.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# The shortest header: JPEG's with nothing before the frame.
_SHORTEST = 11
# The most blocks to read for one request, which takes about 60 ms; a file of 20 MB has fewer.
MAX_STEPS = 200_000


class TooIntricate(Exception):
    """Determining the size takes too long."""


class Steps:
    """The budget of blocks that may still be read for the pictures of a request."""

    def __init__(self, count: int = MAX_STEPS) -> None:
        self._left = count

    def take(self) -> None:
        """Takes one step. Raises TooIntricate when none is left."""
        self._left -= 1
        if self._left < 0:
            raise TooIntricate


def pixels(data: bytes, steps: Steps) -> int:
    """Returns the pixels of the largest picture that ``data`` is or contains; 0 if there is none.

    Supports PNG, JPEG, GIF (all frames), BMP and WebP, also inside a serialised tf.Example. Data
    that only looks like a picture counts as 0, because the decoder refuses it. Raises TooIntricate.
    """
    if len(data) < _SHORTEST:
        return 0
    return max((_at(data, place, steps) for place in _places(data)), default=0)


def _places(data: bytes) -> Iterator[int]:
    if data.startswith(_BMP):  # this signature is too short to search for at other positions
        yield 0
    for signature in (_PNG, _JPEG, *_GIF, _RIFF):
        place = data.find(signature)
        while place >= 0:
            yield place
            place = data.find(signature, place + len(signature))


def _at(data: bytes, start: int, steps: Steps) -> int:
    steps.take()
    head = data[start : start + 32]
    if head.startswith(_PNG):
        sound = head[12:16] == b"IHDR" and len(head) >= 24
        return _big(head[16:20]) * _big(head[20:24]) if sound else 0
    if head.startswith(_JPEG):
        return _jpeg(data, start, steps)
    if head.startswith(_GIF):
        return _gif(data, start, steps)
    if head.startswith(_RIFF):
        return _webp(head) if head[8:12] == _WEBP else 0
    return _bmp(head)


def _jpeg(data: bytes, start: int, steps: Steps) -> int:
    place = start + 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        steps.take()
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
        elif marker in _FRAMES:
            return _big(data[place + 5 : place + 7]) * _big(data[place + 7 : place + 9])
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            place += 2
        else:
            place += 2 + _big(data[place + 2 : place + 4])
    return 0


def _gif(data: bytes, start: int, steps: Steps) -> int:
    """Returns the canvas times the number of frames, which is what decoders allocate."""
    if len(data) < start + 13:
        return 0
    canvas = _little(data[start + 6 : start + 8]) * _little(data[start + 8 : start + 10])
    place = start + 13 + _colours(data[start + 10])
    frames, largest = 0, canvas
    while place < len(data):
        kind = data[place]
        if kind == 0x2C and place + 10 <= len(data):  # a frame
            frames += 1
            width, height = data[place + 5 : place + 7], data[place + 7 : place + 9]
            largest = max(largest, _little(width) * _little(height))
            place = _past_blocks(data, place + 11 + _colours(data[place + 9]), steps)
        elif kind == 0x21:  # an extension
            place = _past_blocks(data, place + 2, steps)
        else:
            break
    return largest * max(frames, 1)


def _colours(flags: int) -> int:
    """Returns the bytes of the colour table that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _past_blocks(data: bytes, place: int, steps: Steps) -> int:
    steps.take()
    while place < len(data) and data[place]:
        steps.take()
        place += 1 + data[place]
    return place + 1


def _webp(head: bytes) -> int:
    kind = head[12:16]
    if len(head) < 30:
        return 0
    if kind == b"VP8X":
        return (1 + _little(head[24:27])) * (1 + _little(head[27:30]))
    if kind == b"VP8L":
        bits = _little(head[21:25])
        return (1 + (bits & 0x3FFF)) * (1 + (bits >> 14 & 0x3FFF))
    return (_little(head[26:28]) & 0x3FFF) * (_little(head[28:30]) & 0x3FFF)


def _bmp(head: bytes) -> int:
    if _little(head[14:18]) == 12:  # the oldest kind of header
        return _little(head[18:20]) * _little(head[20:22])
    sides = [int.from_bytes(head[at : at + 4], "little", signed=True) for at in (18, 22)]
    return abs(sides[0]) * abs(sides[1])  # a negative height means that the picture is upside down


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
