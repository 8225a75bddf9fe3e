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
