"""Requests that arrive whole take a shorter way: it must judge as the long one does."""

import random

import pytest

from serving.server.http2 import flow, frames, headers
from serving.server.http2.frames import Flag
from tests.serving.server.http2.recorder import REQUEST, after, data


def whole(stream: int, body: bytes, block: bytes = REQUEST) -> bytes:
    return frames.headers(stream, block, end=False) + data(stream, body, Flag.END_STREAM)


SIZED = REQUEST + headers.encode((("content-length", "3"),))
TRAILERS = headers.encode((("a", "b"),))
# A block is decoded once; from these on all are known.
KNOWN = (
    whole(1, b"")
    + whole(3, b"abc", SIZED)
    + frames.headers(5, REQUEST, end=False)
    + frames.headers(5, TRAILERS, end=True)
)
BEFORE = {
    "nothing": b"",
    "an open stream": frames.headers(7, REQUEST, end=False),
    "as many streams as may be": b"".join(
        frames.headers(n, REQUEST, end=False) for n in range(7, 2 * flow.MAX_STREAMS, 2)
    ),
    "nearly half the window": b"".join(
        frames.headers(n, REQUEST, end=False) + data(n, bytes(250_000), Flag.END_STREAM)
        for n in range(7, 7 + 2 * 33, 2)
    ),
}


@pytest.mark.parametrize("before", BEFORE)
def test_a_request_that_arrives_whole_is_judged_as_one_in_pieces(before: str) -> None:
    chance = random.Random(5)
    taken = 0
    for trial in range(160):
        block = chance.choice((REQUEST, SIZED, SIZED, TRAILERS))
        number = chance.choice((601, 601, 601, 9, 7, 5, 600, 0))
        request = bytearray(whole(number, bytes(chance.choice((0, 3, 3, 250_000))), block))
        if trial % 2:
            where = chance.choice((0, 9 + len(block))) + chance.randrange(9)  # in a frame's head
            request[where] = chance.choice((0, 1, 4, 5, 8, 9, 32, 128))
        told = []
        for cut in (0, 1):
            recorder = after(KNOWN, BEFORE[before])
            if trial % 5 == 0:
                recorder.connection.finish_draining()
            recorder.connection.receive(bytes(request[:cut]))
            recorder.connection.receive(bytes(request[cut:]))
            streams = recorder.connection.streams.values()
            told.append(
                (
                    recorder.sent, recorder.closed, recorder.bodies, recorder.gone,
                    [stream.number for stream in recorder.ended],
                    [(one.number, one.received, one.remote_closed) for one in streams],
                )
            )  # fmt: skip
        assert told[0] == told[1]
        taken += 601 in told[0][4]
    assert taken > 10 or before == "as many streams as may be"
