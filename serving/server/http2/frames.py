"""The frames of HTTP/2 (RFC 9113, section 6): their codes, and the bytes of those sent."""

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
MAX_WINDOW = (1 << 31) - 1
DEFAULT_WINDOW = (1 << 16) - 1
DEFAULT_FRAME_BYTES = 1 << 14
MAX_FRAME_BYTES = (1 << 24) - 1
# Length (upper byte and lower two), type, flags, stream.
HEAD = struct.Struct(">BHBBI")
SETTING = struct.Struct(">HI")
_WORD = struct.Struct(">I")
_TWO_WORDS = struct.Struct(">II")


class Type:
    """Frame types, as plain numbers: an enum would double the cost of reading a frame."""

    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Flag:
    """Frame flags; ACK and END_STREAM share a bit."""

    ACK = 0x1
    END_STREAM = 0x1
    END_HEADERS = 0x4
    PADDED = 0x8
    PRIORITY = 0x20


class Error(IntEnum):
    """Reasons for ending a stream or a connection (section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12


class Setting(IntEnum):
    """Settings that the two sides exchange (section 6.5.2)."""

    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


class ConnectionFault(Exception):
    """A protocol violation by the client after which the connection can't continue."""

    def __init__(self, code: Error, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class StreamFault(Exception):
    """A protocol violation by the client within one stream."""

    def __init__(self, stream: int, code: Error, message: str) -> None:
        super().__init__(message)
        self.stream = stream
        self.code = code


def head(length: int, kind: int, flags: int, stream: int) -> bytes:
    """Returns the nine bytes before a frame's payload."""
    return HEAD.pack(length >> 16, length & 0xFFFF, kind, flags, stream)


def headers(stream: int, block: bytes, *, end: bool) -> bytes:
    """Returns a HEADERS frame that holds a whole header block."""
    flags = Flag.END_HEADERS | Flag.END_STREAM if end else Flag.END_HEADERS
    return head(len(block), Type.HEADERS, flags, stream) + block


def settings(values: dict[Setting, int]) -> bytes:
    """Returns a SETTINGS frame."""
    payload = b"".join(SETTING.pack(number, value) for number, value in values.items())
    return head(len(payload), Type.SETTINGS, 0, 0) + payload


def settings_ack() -> bytes:
    """Returns the acknowledgement of a SETTINGS frame."""
    return head(0, Type.SETTINGS, Flag.ACK, 0)


def ping(payload: bytes, *, ack: bool = False) -> bytes:
    """Returns a PING frame with eight bytes of payload."""
    return head(8, Type.PING, Flag.ACK if ack else 0, 0) + payload


def reset(stream: int, code: Error) -> bytes:
    """Returns a RST_STREAM frame."""
    return head(4, Type.RST_STREAM, 0, stream) + _WORD.pack(code)


def window_update(stream: int, increment: int) -> bytes:
    """Returns a WINDOW_UPDATE frame; stream 0 is the connection."""
    return head(4, Type.WINDOW_UPDATE, 0, stream) + _WORD.pack(increment)


def goaway(last_stream: int, code: Error, message: str = "") -> bytes:
    """Returns a GOAWAY frame."""
    payload = _TWO_WORDS.pack(last_stream, code) + message.encode()[:500]
    return head(len(payload), Type.GOAWAY, 0, 0) + payload


def word(payload: bytes) -> int:
    """Returns the first four bytes as a number without its reserved upper bit."""
    number: int = _WORD.unpack_from(payload)[0]
    return number & MAX_WINDOW


def unpadded(payload: bytes, flags: int) -> bytes:
    """Returns a payload without its padding. Raises ConnectionFault if the padding is too long."""
    if not flags & Flag.PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise ConnectionFault(Error.PROTOCOL_ERROR, "padding longer than the frame")
    return payload[1 : len(payload) - payload[0]]


def check_size(name: str, payload: bytes, size: int) -> None:
    """Raises ConnectionFault for a frame whose payload does not have its only size, in bytes."""
    if len(payload) != size:
        raise ConnectionFault(Error.FRAME_SIZE_ERROR, f"{name} of the wrong size")


def check_unaddressed(name: str, stream: int) -> None:
    """Raises ConnectionFault for a frame on a stream that must concern the connection."""
    if stream:
        raise ConnectionFault(Error.PROTOCOL_ERROR, f"{name} on a stream")
