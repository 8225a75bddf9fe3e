"""Parses bytes from an HTTP/2 client into whole frames, with each header block in one piece."""

from collections.abc import Iterator

from serving.server.http2 import frames
from serving.server.http2.flow import Budget
from serving.server.http2.frames import ConnectionFault, Error, Flag, Type, unpadded
from serving.server.http2.headers import MAX_HEADER_BYTES

# These are looked up for each frame; looking up attributes of a class costs twice as much.
HEAD_BYTES, END_HEADERS = frames.HEAD_BYTES, Flag.END_HEADERS
END_STREAM = Flag.END_STREAM
DATA, HEADERS, CONTINUATION = Type.DATA, Type.HEADERS, Type.CONTINUATION

Frame = tuple[int, int, int, bytes]  # type, flags, stream, payload


class FrameReader:
    """Reads the frames of one connection.

    Args:
        frame_bytes: the size of the largest payload.
        budget: CONTINUATION frames are charged to it.
    """

    def __init__(self, frame_bytes: int, budget: Budget) -> None:
        self._frame_bytes = frame_bytes
        self._budget = budget
        self._buffer = bytearray()
        self._needed = len(frames.PREFACE)
        self._greeted = False
        # The stream, flags and block of a HEADERS frame that still needs CONTINUATION frames.
        self._headers: tuple[int, int, bytearray] | None = None

    def request(self, data: bytes) -> tuple[int, bytes, bytes] | None:
        """Returns stream, header block and body, if the bytes are exactly one whole request.

        Such a request is a HEADERS frame and a DATA frame that ends the stream; most clients send
        small requests that way. Returns None for anything else, which is left to ``read``.
        """
        size = len(data)
        if self._buffer or self._headers or not self._greeted or size < 2 * HEAD_BYTES:
            return None
        unpack = frames.HEAD.unpack_from
        upper, lower, kind, flags, number = unpack(data)
        split = HEAD_BYTES + lower
        start = split + HEAD_BYTES
        if kind != HEADERS or flags != END_HEADERS or upper or start > size:
            return None
        upper, lower, kind, flags, same = unpack(data, split)
        length = upper << 16 | lower
        if kind != DATA or flags != END_STREAM or same != number or start + length != size:
            return None
        if length > self._frame_bytes:
            return None
        return number, data[HEAD_BYTES:split], data[start:]

    def read(self, data: bytes) -> Iterator[Frame]:
        """Yields the frames that are complete now. Raises ConnectionFault."""
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._needed:
                return
            data = bytes(self._buffer)
            self._buffer.clear()
        position, size = 0, len(data)
        if not self._greeted:
            if not frames.PREFACE.startswith(data[: len(frames.PREFACE)]):
                raise ConnectionFault(Error.PROTOCOL_ERROR, "not HTTP/2")
            self._greeted = size >= len(frames.PREFACE)
            position = len(frames.PREFACE) if self._greeted else 0
        self._needed = HEAD_BYTES if self._greeted else len(frames.PREFACE)
        unpack, most = frames.HEAD.unpack_from, self._frame_bytes
        while self._greeted and size - position >= HEAD_BYTES:
            upper, lower, kind, flags, number = unpack(data, position)
            length = upper << 16 | lower
            if length > most:
                raise ConnectionFault(Error.FRAME_SIZE_ERROR, f"frame of {length} bytes")
            start = position + HEAD_BYTES
            if size - start < length:
                self._needed = HEAD_BYTES + length
                break
            position = start + length
            payload, number = data[start:position], number & frames.MAX_WINDOW
            if self._headers or kind == CONTINUATION:
                yield from self._continue(kind, flags, number, payload)
            elif kind == HEADERS and not flags & END_HEADERS:
                block = bytearray(unpadded(payload, flags))
                self._headers = (number, flags & ~Flag.PADDED | Flag.END_HEADERS, block)
                self._check(block)
            else:
                yield kind, flags, number, payload
        if position < size:
            self._buffer += data[position:]

    def _continue(self, kind: int, flags: int, number: int, payload: bytes) -> Iterator[Frame]:
        if self._headers is None:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "CONTINUATION without HEADERS")
        wanted, first_flags, block = self._headers
        if kind != Type.CONTINUATION or number != wanted:
            raise ConnectionFault(Error.PROTOCOL_ERROR, "a header block was interrupted")
        self._budget.spend()
        block += payload
        self._check(block)
        if flags & Flag.END_HEADERS:
            self._headers = None
            yield Type.HEADERS, first_flags, number, bytes(block)

    def _check(self, block: bytearray) -> None:
        if len(block) > MAX_HEADER_BYTES:
            raise ConnectionFault(Error.ENHANCE_YOUR_CALM, "header block too large")
