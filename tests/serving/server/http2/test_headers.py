"""Header blocks of HTTP/2, decoded as hpack does."""

import random
from typing import Any

import hpack
import pytest

from serving.server.http2 import headers
from serving.server.http2.frames import ConnectionFault
from serving.server.http2.headers import HeaderDecoder

PSEUDO = [(":method", "POST"), (":scheme", "http"), (":path", "/a/B")]


def test_known_header_blocks_mean_what_they_say() -> None:
    """The decoder that remembers blocks answers as one that does not."""
    chance = random.Random(3)
    encoder, plain, decoder = hpack.Encoder(), hpack.Decoder(), HeaderDecoder()
    for _ in range(1000):
        if chance.random() < 0.02:
            encoder.header_table_size = chance.choice([0, 100, 300, 4096])
        extra: list[Any] = [(f"x{chance.randrange(3)}", str(chance.randrange(4)))]
        extra += [hpack.NeverIndexedHeaderTuple("t", str(chance.randrange(3)))]
        block = encoder.encode(PSEUDO + extra, huffman=chance.random() < 0.5)
        assert decoder.decode(block).fields == dict(plain.decode(block)[3:])


def test_an_entry_that_is_added_once_more_is_a_change() -> None:
    """By length and contents of its newest entry, hpack's table looks as before."""
    decoder = HeaderDecoder()
    two_entries, second = b"\x3f\x31", b"\xbf"
    add_a, add_b = (b"\x40\x02x1\x01" + value for value in (b"a", b"b"))
    decoder.decode(two_entries + add_a + add_b)
    assert decoder.decode(second).fields == {"x1": "a"}
    decoder.decode(add_b)
    assert decoder.decode(second).fields == {"x1": "b"}, "what was remembered means something else"


def test_too_many_headers() -> None:
    block = headers.encode((*PSEUDO, ("a", "b" * 60_000), ("c", "d" * 9000)))
    with pytest.raises(ConnectionFault):
        HeaderDecoder().decode(block)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "x"), ("Upper", "x"), ("with space", "x"), ("with:colon", "x"), ("del\x7f", "x"),
        ("\u00e9", "x"), ("n", "a\rb"), ("n", "a\nb"), ("n", "a\0b"), ("n", " x"), ("n", "x\t"),
        (":path", "/a\r\n"),
    ],
)  # fmt: skip
def test_characters_that_are_not_allowed(name: str, value: str) -> None:
    """RFC 9113, 8.2.1."""
    pairs = [pair for pair in PSEUDO if pair[0] != name]
    pairs.insert(len(pairs) if name != ":path" else 0, (name, value))
    assert HeaderDecoder().decode(headers.encode(pairs)).fault


def test_characters_that_are_allowed() -> None:
    fields = {"x-1_a.b~!": "a b\tc", "empty": "", "latin": "\u00e9"}
    head = HeaderDecoder().decode(headers.encode((*PSEUDO, *fields.items())))
    assert (head.fault, head.fields) == ("", fields)


def test_blocks_are_literals_that_may_be_indexed_again() -> None:
    """RFC 7541, 6.2.2: the first four bits are 0, unless the whole field is in the static table."""
    assert headers.encode([("grpc-status", "0")]) == b"\0\x0bgrpc-status\x010"
    assert headers.encode([(":status", "200")]) == b"\x88"
    assert headers.encode([(":status", "415")]) == b"\x08\x03415"
