"""Values over a socket: whole, whatever their size, and buffers without a copy in the pickle."""

import pickle
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from serving.server.offload import exchange


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(60)
        other.settimeout(60)
        yield one, other


def passed(pair: tuple[socket.socket, socket.socket], value: Any) -> Any:
    """Returns a value after its way; a thread sends it, as it may not fit into the socket."""
    one, other = pair
    sender = threading.Thread(target=exchange.send, args=(one, value))
    sender.start()
    found = exchange.receive(other)
    sender.join()
    return found


def test_arrays_and_strings(pair: tuple[socket.socket, socket.socket]) -> None:
    value = {
        "large": np.arange(3_000_000, dtype=np.float32).reshape(1000, 3000),
        "turned": np.arange(12).reshape(3, 4).T,
        "part": np.arange(12).reshape(3, 4)[:, ::2],
        "empty": np.empty((0, 5), np.float64),
        "scalar": np.array(7.5),
        "texts": np.array([b"a", b"", b"\xff" * 1000], np.object_),
        "none": None,
    }
    found = passed(pair, value)
    assert found.keys() == value.keys()
    for name, array in value.items():
        np.testing.assert_array_equal(found[name], array)
        assert array is None or found[name].dtype == array.dtype


@pytest.mark.parametrize("count", [0, 1, 3000])
def test_more_pieces_than_one_call_takes(
    pair: tuple[socket.socket, socket.socket], count: int
) -> None:
    pieces = [bytes([number % 256]) * (number % 7) for number in range(count)]
    found = passed(pair, [pickle.PickleBuffer(piece) for piece in pieces])
    assert b"".join(found) == b"".join(pieces)


def test_the_other_side_ends(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    one.sendall(b"\1\0")
    one.close()
    with pytest.raises(EOFError):
        exchange.receive(other)
