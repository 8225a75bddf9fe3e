"""Python objects over a socket: pickled, with the bytes of large buffers beside the pickle.

Buffers are neither copied nor touched by Python on their way, so a process that exchanges 50 MB
keeps its other threads waiting for microseconds, not for the time that copying takes.
"""

import pickle
import socket
import struct
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

_COUNT = struct.Struct("<I")
_SIZE = struct.Struct("<Q")
# The most pieces that one system call takes (IOV_MAX of Linux).
_AT_A_TIME = 1024


def send(connection: socket.socket, value: Any) -> None:
    """Sends a value; arrays and pickle.PickleBuffers in it are sent as they are in memory.

    Raises OSError when the other side is gone, and TimeoutError after the socket's time-out.
    """
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    parts = [memoryview(head), *(buffer.raw() for buffer in buffers)]
    sizes = b"".join(_SIZE.pack(part.nbytes) for part in parts)
    _send_all(connection, [memoryview(_COUNT.pack(len(parts)) + sizes), *parts])


def receive(connection: socket.socket) -> Any:
    """Returns the next value. Raises EOFError when the other side is gone, and TimeoutError.

    The sender is trusted: a pickle can run code.
    """
    (count,) = _COUNT.unpack(_receive_exactly(connection, _COUNT.size))
    sizes = _SIZE.iter_unpack(_receive_exactly(connection, count * _SIZE.size))
    head, *buffers = [_receive_exactly(connection, size) for (size,) in sizes]
    return pickle.loads(head, buffers=buffers)  # noqa: S301 - from this server's own process


def in_buffer(write: Callable[..., bytes], *arguments: Any) -> pickle.PickleBuffer:
    """Returns the bytes that a function returns, so that send() does not copy them."""
    return pickle.PickleBuffer(write(*arguments))


def _send_all(connection: socket.socket, parts: list[memoryview]) -> None:
    waiting = [part.cast("B") for part in reversed(parts) if part.nbytes]
    while waiting:
        sent = connection.sendmsg(list(islice(reversed(waiting), _AT_A_TIME)))
        while sent:
            part = waiting.pop()
            if sent < part.nbytes:
                waiting.append(part[sent:])
                break
            sent -= part.nbytes


def _receive_exactly(connection: socket.socket, size: int) -> memoryview:
    # Not a bytearray, which writes zeros into its memory first and keeps other threads waiting.
    room = np.empty(size, np.uint8).data
    filled = 0
    while filled < size:
        received = connection.recv_into(room[filled:])
        if not received:
            raise EOFError("the other process has ended")
        filled += received
    return room
