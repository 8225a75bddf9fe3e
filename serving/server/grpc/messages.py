"""The building blocks of gRPC over HTTP/2: prefixed messages, compression, timeouts, statuses."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from serving.server.dataplane.statuses import Code, ServingError
from serving.server.http2 import headers

PREFIX = struct.Struct(">BI")
PREFIX_BYTES = PREFIX.size
ENCODINGS = "identity,gzip,deflate"
# Longer status messages are truncated, because clients may refuse a header that is too large.
MAX_MESSAGE_CHARACTERS = 2000
# A message of this size is parsed within a few milliseconds; larger ones stay in pieces.
LARGE_BYTES = 1 << 20
# Smaller pieces are put together, as each of them needs memory besides its bytes.
_PIECE_BYTES = 16 << 10
_WINDOWS = {"gzip": 31, "deflate": 15}
_UNITS = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
# Printable ASCII except the percent sign is sent unchanged (PROTOCOL-HTTP2.md, "Status-Message").
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

RESPONSE_BLOCK = headers.encode(
    (
        (":status", "200"),
        ("content-type", "application/grpc"),
        ("grpc-accept-encoding", ENCODINGS),
    )
)
OK_BLOCK = headers.encode((("grpc-status", "0"),))


def frame(message: bytes) -> bytes:
    """Returns a message with its prefix, uncompressed."""
    return prefix(len(message)) + message


def prefix(size: int) -> bytes:
    """Returns the prefix of an uncompressed message of a size."""
    return PREFIX.pack(0, size)


def status_block(code: Code, message: str, *, alone: bool) -> bytes:
    """Returns a block of trailers.

    Args:
        code: of the status.
        message: for people; characters other than printable ASCII are percent-encoded.
        alone: whether the block is the whole answer, because nothing was sent before it.
    """
    text = quote(message[:MAX_MESSAGE_CHARACTERS], safe=_PLAIN, errors="replace")
    block = headers.encode((("grpc-status", str(code.value)), ("grpc-message", text)))
    return RESPONSE_BLOCK + block if alone else block


def timeout(text: str) -> float:
    """Returns a grpc-timeout in seconds. Raises ServingError for a malformed one."""
    digits, unit = text[:-1], _UNITS.get(text[-1:])
    if unit is None or not (digits.isascii() and digits.isdecimal() and len(digits) <= 8):
        raise ServingError(Code.INTERNAL, f"grpc-timeout is malformed: {text[:20]!r}")
    return int(digits) * unit


def check_encoding(encoding: str) -> None:
    """Raises ServingError for a compression that is not supported."""
    if encoding not in ENCODINGS.split(","):
        raise ServingError(
            Code.UNIMPLEMENTED, f"grpc-encoding {encoding!r} is not one of {ENCODINGS}"
        )


def only(data: bytes, limit: int) -> bytes | None:
    """Returns the message, if the bytes are exactly one uncompressed message; otherwise None.

    Args:
        data: the bytes of a stream so far.
        limit: of a message, in bytes.
    """
    if len(data) < PREFIX_BYTES:
        return None
    packed, size = PREFIX.unpack_from(data)
    whole = not packed and len(data) == PREFIX_BYTES + size and size <= limit
    return data[PREFIX_BYTES:] if whole else None


@dataclass(frozen=True, slots=True)
class Packed:
    """A large message, or a compressed one, as it arrived.

    Attributes:
        pieces: its bytes.
        size: their number.
        encoding: how it is compressed; empty if it is not.
        limit: for the size, also after it was unpacked.
    """

    pieces: list[bytes | bytearray]
    size: int
    encoding: str
    limit: int


class Messages:
    """Assembles the messages of a stream from the pieces that arrive.

    Args:
        encoding: the stream's grpc-encoding.
        limit: of a message in bytes, also after it was unpacked.
    """

    __slots__ = ("_encoding", "_limit", "_pieces", "_prefix", "_wanted", "waiting")

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding = encoding
        self._limit = limit
        self._pieces: list[bytes | bytearray] = []
        self._prefix: tuple[int, int] | None = None  # the flag and the size of the next message
        self._wanted = PREFIX_BYTES
        self.waiting = 0  # the number of bytes that wait for the rest of their message

    def add(self, data: bytes) -> Iterator[bytes | Packed]:
        """Yields the messages that are complete now. Raises ServingError for invalid bytes."""
        last = self._pieces[-1] if self._pieces else b""
        if isinstance(last, bytearray) and len(last) < _PIECE_BYTES:
            last += data
        else:
            self._pieces.append(bytearray(data) if len(data) < _PIECE_BYTES else data)
        self.waiting += len(data)
        while self.waiting >= self._wanted:
            taken = self._take()
            if self._prefix is None:
                packed, size = PREFIX.unpack(b"".join(taken))
                if size > self._limit:
                    raise _too_large(size, self._limit)
                self._prefix, self._wanted = (packed, size), size
            else:
                complete = self._message(taken, *self._prefix)
                self._prefix, self._wanted = None, PREFIX_BYTES
                yield complete

    def _take(self) -> list[bytes | bytearray]:
        """Returns the bytes of the next part, and keeps those after it."""
        taken: list[bytes | bytearray] = []
        kept: list[bytes | bytearray] = []
        missing = self._wanted
        rest = iter(self._pieces)
        while missing:
            piece = next(rest)
            if len(piece) > missing:
                kept.append(piece[missing:])
            taken.append(piece[:missing])
            missing -= len(taken[-1])
        self._pieces = [*kept, *rest]
        self.waiting -= self._wanted
        return taken

    def _message(self, pieces: list[bytes | bytearray], packed: int, size: int) -> bytes | Packed:
        if packed and (packed != 1 or self._encoding not in _WINDOWS):
            raise ServingError(
                Code.INTERNAL, f"compression flag {packed} with grpc-encoding {self._encoding!r}"
            )
        if not packed and size <= LARGE_BYTES:
            return b"".join(pieces)
        return Packed(pieces, size, self._encoding if packed else "", self._limit)


def small(message: Packed) -> bytes | None:
    """Returns a message as one text, if that is small; otherwise None.

    Raises ServingError when it is damaged, or unpacked larger than its limit.
    """
    if message.size > LARGE_BYTES:
        return None
    most = min(message.limit, LARGE_BYTES)
    try:
        return unpacked(message.pieces, message.encoding, most)
    except ServingError as error:
        if error.code is Code.RESOURCE_EXHAUSTED and most < message.limit:
            return None
        raise


def whole(message: bytes | Packed) -> bytes:
    """Returns a message as one text, unpacked. Raises the same errors as unpacked()."""
    if isinstance(message, bytes):
        return message
    return unpacked(message.pieces, message.encoding, message.limit)


def unpacked(pieces: Sequence[Any], encoding: str, limit: int) -> bytes:
    """Returns the text of a message. Raises ServingError when it is damaged or too large.

    Args:
        pieces: its bytes as they arrived.
        encoding: how it is compressed; empty if it is not.
        limit: for the size after unpacking.
    """
    text = b"".join(pieces)
    if not encoding:
        return text
    unpacker = zlib.decompressobj(_WINDOWS[encoding])
    try:
        text = unpacker.decompress(text, limit + 1)
    except zlib.error as error:
        raise ServingError(
            Code.INTERNAL, f"grpc-encoding is {encoding}, but the message is not"
        ) from error
    if len(text) > limit:
        raise _too_large(len(text), limit)
    if not unpacker.eof:
        raise ServingError(Code.INTERNAL, f"the {encoding} message is incomplete")
    return text


def _too_large(size: int, limit: int) -> ServingError:
    return ServingError(
        Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {limit})"
    )
