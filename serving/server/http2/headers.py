"""HTTP/2 header blocks: decodes and checks requests (RFC 9113, section 8), encodes responses."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import hpack

from serving.server.http2.frames import ConnectionFault, Error

MAX_HEADER_BYTES = 64 << 10
MAX_CACHED_BLOCKS = 64
_NEVER_INDEXED = 0x10  # RFC 7541, 6.2.3
# RFC 9113, 8.2.1: what a name consists of, and what a value must not have.
_NAME = re.compile(r"[!-9;-@\[-~]+")
_FORBIDDEN = re.compile(r"[\0\r\n]|^[ \t]|[ \t]$")
_PSEUDO = (":method", ":scheme", ":path", ":authority")
_OF_CONNECTIONS = frozenset(
    ("connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade")
)


@dataclass(frozen=True)
class Head:
    """A request's header fields.

    Attributes:
        method, path: of HTTP; empty in a block of trailers.
        fields: the other fields by name in lower case; repeated ones are joined with commas.
        length: the content-length; -1 when it is not given.
        fault: why the block is malformed; empty when it is valid.
    """

    method: str = ""
    path: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    length: int = -1
    fault: str = ""


class HeaderDecoder:
    """Decodes the header blocks of one connection.

    A client sends the same block for each call of a method as soon as its fields are in the
    dynamic table, and decoding a block costs as much as all other work on its frames. A block that
    was decoded without changing that table is therefore cached until the table changes.
    """

    def __init__(self) -> None:
        self._decoder = hpack.Decoder(max_header_list_size=MAX_HEADER_BYTES)
        self._known: dict[bytes, Head] = {}

    def known(self, block: bytes) -> Head | None:
        """Returns the cached head of a block that was decoded before and still means the same."""
        return self._known.get(block)

    def decode(self, block: bytes) -> Head:
        """Returns the head in a whole block. Raises ConnectionFault when it can't be decoded."""
        known = self._known.get(block)
        if known is not None:
            return known
        try:
            pairs = list(self._decoder.decode(block, raw=True))
        except hpack.HPACKError as error:
            raise ConnectionFault(Error.COMPRESSION_ERROR, f"header block: {error}") from error
        head = _head(pairs)
        if _changes_table(block):
            self._known.clear()
        elif len(self._known) < MAX_CACHED_BLOCKS:
            self._known[block] = head
        return head


def _changes_table(block: bytes) -> bool:
    """Returns whether decoding a well-formed block changes the dynamic table (RFC 7541, 6)."""
    position = 0
    while position < len(block):
        first = block[position]
        if first & 0x80:  # an indexed field
            _, position = _integer(block, position, 7)
            continue
        if first & 0x60:  # a literal that is added to the table, or a new size for it
            return True
        index, position = _integer(block, position, 4)
        for _ in range(1 if index else 2):  # the name, unless it is indexed, and the value
            size, position = _integer(block, position, 7)
            position += size
    return False


def _integer(block: bytes, position: int, bits: int) -> tuple[int, int]:
    """Returns an integer with a prefix of so many bits, and the position after it (5.1)."""
    value = block[position] & ((1 << bits) - 1)
    position += 1
    if value < (1 << bits) - 1:
        return value, position
    shift = 0
    while True:
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, position


def _head(pairs: Iterable[tuple[bytes, bytes]]) -> Head:
    pseudo: dict[str, str] = {}
    fields: dict[str, str] = {}
    fault = ""
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if _FORBIDDEN.search(value):
            fault = fault or f"the value of header {name!r} has a character that is not allowed"
        if name.startswith(":"):
            if name not in _PSEUDO or name in pseudo or fields:
                fault = fault or f"pseudo-header {name!r} is unknown, repeated or too late"
            pseudo[name] = value
            continue
        if not _NAME.fullmatch(name):
            fault = fault or f"header name {name!r} is empty or has a character that is not allowed"
        if name in _OF_CONNECTIONS or (name == "te" and value.lower() != "trailers"):
            fault = fault or f"header {name!r} is not allowed in HTTP/2"
        fields[name] = f"{fields[name]},{value}" if name in fields else value
    if pseudo and not (pseudo.get(":method") and pseudo.get(":scheme") and pseudo.get(":path")):
        fault = fault or "a pseudo-header is missing or empty"
    given = fields.get("content-length", "-1")
    if given != "-1" and not (given.isascii() and given.isdecimal() and len(given) < 19):
        fault, given = fault or "content-length is not a number", "-1"
    return Head(pseudo.get(":method", ""), pseudo.get(":path", ""), fields, int(given), fault)


def encode(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Returns a header block that leaves the receiver's dynamic table unchanged.

    So the same bytes work on every connection and are encoded only once.
    """
    block = bytearray()
    for name, value in pairs:
        field = hpack.NeverIndexedHeaderTuple(name.encode("latin-1"), value.encode("latin-1"))
        start = len(block)
        block += hpack.Encoder().encode([field], huffman=False)
        if block[start] & 0xF0 == _NEVER_INDEXED:
            # A literal that a proxy may index again (RFC 7541, 6.2.2): nothing here is secret.
            block[start] ^= _NEVER_INDEXED
    return bytes(block)
