"""The building blocks of gRPC over HTTP/2: prefixed messages, compression, timeouts, statuses."""

import struct
import zlib
from urllib.parse import quote

from serving.server.dataplane.statuses import Code, ServingError
from serving.server.http2 import headers

PREFIX = struct.Struct(">BI")
PREFIX_BYTES = PREFIX.size
ENCODINGS = "identity,gzip,deflate"
# Longer status messages are truncated, because clients may refuse a header that is too large.
MAX_MESSAGE_CHARACTERS = 2000
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
    return PREFIX.pack(0, len(message)) + message


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


class Messages:
    """Assembles the messages of a stream from the pieces that arrive.

    Args:
        encoding: the stream's grpc-encoding.
        limit: of a message in bytes, also after it was unpacked.
    """

    __slots__ = ("_buffer", "_encoding", "_limit", "_wanted")

    def __init__(self, encoding: str, limit: int) -> None:
        self._encoding = encoding
        self._limit = limit
        self._buffer = bytearray()
        self._wanted = PREFIX_BYTES

    @property
    def waiting(self) -> int:
        """Returns how many bytes wait for the rest of their message."""
        return len(self._buffer)

    def add(self, data: bytes) -> list[bytes]:
        """Returns the messages that are complete now. Raises ServingError for invalid bytes."""
        self._buffer += data
        complete = []
        while len(self._buffer) >= self._wanted:
            packed, size = PREFIX.unpack_from(self._buffer)
            if size > self._limit:
                raise _too_large(size, self._limit)
            self._wanted = PREFIX_BYTES + size
            if len(self._buffer) < self._wanted:
                break
            message = bytes(memoryview(self._buffer)[PREFIX_BYTES : self._wanted])
            del self._buffer[: self._wanted]
            self._wanted = PREFIX_BYTES
            complete.append(self._unpack(packed, message))
        return complete

    def _unpack(self, packed: int, message: bytes) -> bytes:
        if not packed:
            return message
        window = _WINDOWS.get(self._encoding)
        if packed != 1 or window is None:
            raise ServingError(
                Code.INTERNAL, f"compression flag {packed} with grpc-encoding {self._encoding!r}"
            )
        unpacker = zlib.decompressobj(window)
        try:
            unpacked = unpacker.decompress(message, self._limit + 1)
        except zlib.error as error:
            raise ServingError(
                Code.INTERNAL, f"grpc-encoding is {self._encoding}, but the message is not"
            ) from error
        if len(unpacked) > self._limit:
            raise _too_large(len(unpacked), self._limit)
        if not unpacker.eof:
            raise ServingError(Code.INTERNAL, f"the {self._encoding} message is incomplete")
        return unpacked


def _too_large(size: int, limit: int) -> ServingError:
    return ServingError(
        Code.RESOURCE_EXHAUSTED, f"Received message larger than max ({size} vs. {limit})"
    )
