"""HTTP/2 header blocks: decodes and checks requests (RFC 9113, section 8), encodes responses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import hpack
from hpack.hpack import encode_integer

from serving.server.http2.frames import ConnectionFault, Error

MAX_HEADER_BYTES = 64 << 10
MAX_CACHED_BLOCKS = 64
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
        before = self._table()
        try:
            pairs = list(self._decoder.decode(block, raw=True))
        except hpack.HPACKError as error:
            raise ConnectionFault(Error.COMPRESSION_ERROR, f"header block: {error}") from error
        head = _head(pairs)
        size, newest = self._table()
        # A new entry is a new object at the front; only it or a smaller size evicts others.
        if size != before[0] or newest is not before[1]:
            self._known.clear()
        elif len(self._known) < MAX_CACHED_BLOCKS:
            self._known[block] = head
        return head

    def _table(self) -> tuple[int, Any]:
        entries = self._decoder.header_table.dynamic_entries
        return len(entries), entries[0] if entries else None


def _head(pairs: Iterable[tuple[bytes, bytes]]) -> Head:
    pseudo: dict[str, str] = {}
    fields: dict[str, str] = {}
    fault = ""
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name.startswith(":"):
            if name not in _PSEUDO or name in pseudo or fields:
                fault = fault or f"pseudo-header {name!r} is unknown, repeated or too late"
            pseudo[name] = value
            continue
        if not name or name != name.lower():
            fault = fault or f"header name {name!r} is empty or not in lower case"
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
    block = b""
    for name, value in pairs:
        raw_name, raw_value = name.encode("latin-1"), value.encode("latin-1")
        block += b"\0" + bytes(encode_integer(len(raw_name), 7)) + raw_name
        block += bytes(encode_integer(len(raw_value), 7)) + raw_value
    return block
