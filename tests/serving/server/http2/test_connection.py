"""HTTP/2 without a socket: what a client may send, and what it may not."""

import random

import pytest

from serving.server.http2 import flow, frames, headers
from serving.server.http2.frames import Error, Flag, Setting, Type
from tests.serving.server.http2.recorder import HELLO, OPEN, REQUEST, Recorder, after, data, frame


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_request_in_pieces_of_any_size(size: int) -> None:
    padded = b"\x04ab" + bytes(4)
    sent = b"".join(
        (
            HELLO,
            frame(Type.HEADERS, 0, 1, REQUEST[:9]),
            frame(Type.CONTINUATION, Flag.END_HEADERS, 1, REQUEST[9:]),
            data(1, padded, Flag.PADDED),
            frame(0x42, 0, 1, b"of a type that is not known"),
            data(1, b"c", Flag.END_STREAM),
        )
    )
    recorder = Recorder()
    for start in range(0, len(sent), size):
        recorder.connection.receive(sent[start : start + size])
    assert recorder.bodies == {1: b"abc"}
    (stream,) = recorder.ended
    assert (stream.head.method, stream.head.path) == ("POST", "/a/B")
    assert not recorder.closed


def window(stream: int, increment: int) -> bytes:
    return frames.window_update(stream, increment)


FAULTS: dict[str, tuple[bytes, Error]] = {
    "DATA on stream 0": (data(0, b"x"), Error.PROTOCOL_ERROR),
    "DATA on an idle stream": (data(5, b"x"), Error.PROTOCOL_ERROR),
    "padding longer than the frame": (OPEN + data(1, b"\x05a", Flag.PADDED), Error.PROTOCOL_ERROR),
    "an even stream": (frames.headers(2, REQUEST, end=True), Error.PROTOCOL_ERROR),
    "a block interrupted": (
        frame(Type.HEADERS, 0, 1, REQUEST) + data(1, b"x"),
        Error.PROTOCOL_ERROR,
    ),
    "CONTINUATION alone": (frame(Type.CONTINUATION, 4, 1, REQUEST), Error.PROTOCOL_ERROR),
    "no header block": (
        frames.headers(1, b"\xff\xff\xff\xff\xff", end=True),
        Error.COMPRESSION_ERROR,
    ),
    "SETTINGS on a stream": (frame(Type.SETTINGS, 0, 1, b""), Error.PROTOCOL_ERROR),
    "SETTINGS cut short": (frame(Type.SETTINGS, 0, 0, b"abc"), Error.FRAME_SIZE_ERROR),
    "a window of 2^31": (
        frames.settings({Setting.INITIAL_WINDOW_SIZE: 1 << 31}),
        Error.FLOW_CONTROL_ERROR,
    ),
    "a frame size of 1": (frames.settings({Setting.MAX_FRAME_SIZE: 1}), Error.PROTOCOL_ERROR),
    "push 2": (frames.settings({Setting.ENABLE_PUSH: 2}), Error.PROTOCOL_ERROR),
    "PING cut short": (frame(Type.PING, 0, 0, b"abc"), Error.FRAME_SIZE_ERROR),
    "PING on a stream": (frame(Type.PING, 0, 1, bytes(8)), Error.PROTOCOL_ERROR),
    "PUSH_PROMISE": (frame(Type.PUSH_PROMISE, 4, 1, bytes(8)), Error.PROTOCOL_ERROR),
    "RST_STREAM on an idle stream": (frames.reset(7, Error.CANCEL), Error.PROTOCOL_ERROR),
    "window by 0": (window(0, 0), Error.PROTOCOL_ERROR),
    "window too wide": (window(0, frames.MAX_WINDOW), Error.FLOW_CONTROL_ERROR),
    "a frame too large": (frames.head((256 << 10) + 1, 0, 0, 1), Error.FRAME_SIZE_ERROR),
    "DATA after RST_STREAM": (
        OPEN + frames.reset(1, Error.CANCEL) + data(1, b"x"),
        Error.STREAM_CLOSED,
    ),
    "a block without end": (
        frame(Type.HEADERS, 0, 1, REQUEST) + frame(Type.CONTINUATION, 0, 1, bytes(40_000)) * 2,
        Error.ENHANCE_YOUR_CALM,
    ),
    "pings": (frames.ping(bytes(8)) * 1100, Error.ENHANCE_YOUR_CALM),
    "settings": (frames.settings({}) * 1100, Error.ENHANCE_YOUR_CALM),
    "empty DATA": (OPEN + data(1, b"") * 1100, Error.ENHANCE_YOUR_CALM),
    "priorities": (frame(Type.PRIORITY, 0, 3, bytes(5)) * 1100, Error.ENHANCE_YOUR_CALM),
    "unknown frames": (frame(0x42, 0, 0, b"") * 1100, Error.ENHANCE_YOUR_CALM),
    "rapid resets": (
        b"".join(
            frames.headers(n, REQUEST, end=False) + frames.reset(n, Error.CANCEL)
            for n in range(1, 2400, 2)
        ),
        Error.ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_the_connection(name: str) -> None:
    sent, code = FAULTS[name]
    recorder = after(sent)
    kind, _, _, payload = recorder.frames()[-1]
    assert kind == Type.GOAWAY
    assert int.from_bytes(payload[4:8], "big") == code
    assert recorder.closed


STREAM_FAULTS: dict[str, tuple[bytes, Error]] = {
    "no :path": (
        frames.headers(1, headers.encode(((":method", "POST"), (":scheme", "http"))), end=True),
        Error.PROTOCOL_ERROR,
    ),
    "upper case": (
        frames.headers(1, REQUEST + headers.encode((("A", "b"),)), end=True),
        Error.PROTOCOL_ERROR,
    ),
    "connection": (
        frames.headers(1, REQUEST + headers.encode((("connection", "close"),)), end=True),
        Error.PROTOCOL_ERROR,
    ),
    "pseudo-header late": (
        frames.headers(1, REQUEST + headers.encode((("a", "b"), (":authority", "c"))), end=True),
        Error.PROTOCOL_ERROR,
    ),
    "content-length": (
        frames.headers(1, REQUEST + headers.encode((("content-length", "3"),)), end=False)
        + data(1, b"x", 1),
        Error.PROTOCOL_ERROR,
    ),
    "trailers without end": (
        OPEN + frames.headers(1, headers.encode((("a", "b"),)), end=False),
        Error.PROTOCOL_ERROR,
    ),
    "window by 0": (OPEN + window(1, 0), Error.PROTOCOL_ERROR),
    "window too wide": (OPEN + window(1, frames.MAX_WINDOW), Error.FLOW_CONTROL_ERROR),
    "DATA after the end": (
        frames.headers(1, REQUEST, end=True) + data(1, b"x"),
        Error.STREAM_CLOSED,
    ),
    "on itself": (frame(Type.PRIORITY, 0, 1, b"\0\0\0\1\0"), Error.PROTOCOL_ERROR),
}


@pytest.mark.parametrize("name", STREAM_FAULTS)
def test_faults_of_a_stream(name: str) -> None:
    sent, code = STREAM_FAULTS[name]
    recorder = after(sent)
    kind, _, number, payload = recorder.frames()[-1]
    assert (kind, number) == (Type.RST_STREAM, 1)
    assert int.from_bytes(payload, "big") == code
    recorder.connection.receive(frames.headers(3, REQUEST, end=True))
    assert [stream.number for stream in recorder.ended][-1] == 3
    assert not recorder.closed


@pytest.mark.parametrize(
    "hello", [b"GET / HTTP/1.1\r\n\r\n", frames.PREFACE + frames.ping(bytes(8))]
)
def test_no_hello(hello: bytes) -> None:
    recorder = Recorder()
    recorder.connection.receive(hello)
    assert recorder.frames()[-1][0] == Type.GOAWAY
    assert recorder.closed


def test_streams_above_the_limit_are_refused() -> None:
    last = 2 * flow.MAX_STREAMS + 1
    recorder = after(*(frames.headers(n, REQUEST, end=False) for n in range(1, last + 1, 2)))
    kind, _, number, payload = recorder.frames()[-1]
    assert (kind, number) == (Type.RST_STREAM, last)
    assert int.from_bytes(payload, "big") == Error.REFUSED_STREAM


def test_a_client_that_sends_more_than_the_window() -> None:
    piece = bytes(200_000)
    recorder = after(OPEN, *(data(1, piece) for _ in range(50)))  # 10 MB, the window follows
    updates = [sent for sent in recorder.frames() if sent[0] == Type.WINDOW_UPDATE]
    assert {number for _, _, number, _ in updates} == {0, 1}
    assert len(recorder.bodies[1]) == 10_000_000
    assert not recorder.closed


def test_responses_follow_the_clients_windows() -> None:
    requests = [frames.headers(n, REQUEST, end=True) for n in (1, 3)]
    recorder = after(frames.settings({Setting.INITIAL_WINDOW_SIZE: 10}), *requests)
    bodies = {1: random.Random(1).randbytes(70_000), 3: b"x" * 25}
    for stream in recorder.ended:
        recorder.connection.sender.respond(stream, b"\x88", bodies[stream.number], b"\x88")
    got = {1: b"", 3: b""}
    ended = []
    for _ in range(200):
        for kind, flags, number, payload in recorder.frames():
            if kind == Type.DATA:
                assert len(payload) <= frames.DEFAULT_FRAME_BYTES
                got[number] += payload
            if kind == Type.HEADERS and flags & Flag.END_STREAM:
                ended.append(number)
        assert recorder.connection.streams.keys() == {1, 3} - set(ended)
        if len(ended) == 2:
            break
        open_streams = [n for n in (1, 3) if n not in ended]
        for number in open_streams:
            recorder.connection.receive(window(number, 999) + window(0, 999))
    assert got == bodies
    assert ended == [3, 1]


def test_a_window_made_smaller_than_what_is_under_way() -> None:
    recorder = after(frames.headers(1, REQUEST, end=True))
    (stream,) = recorder.ended
    recorder.connection.sender.respond(stream, b"\x88", bytes(65_535 + 10), b"\x88")
    recorder.connection.receive(frames.settings({Setting.INITIAL_WINDOW_SIZE: 0}))
    assert stream.window == -65_535
    recorder.connection.receive(window(0, 100) + window(1, 65_535))
    assert stream.window == 0 and recorder.connection.streams
    recorder.connection.receive(window(1, 10))
    assert recorder.frames()[-1][:3] == (Type.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1)
    assert not recorder.connection.streams


def test_an_answer_before_the_request_is_whole() -> None:
    recorder = after(OPEN)
    recorder.connection.sender.end(recorder.connection.streams[1], b"\x88")
    kinds = [kind for kind, *_ in recorder.frames()]
    assert kinds[-2:] == [Type.HEADERS, Type.RST_STREAM]
    recorder.connection.receive(data(1, b"on its way") + data(1, b"", Flag.END_STREAM))
    assert not recorder.closed and recorder.bodies[1] == b""


def test_draining() -> None:
    recorder = after(OPEN)
    recorder.connection.drain()
    goaway, ping = recorder.frames()[-2:]
    assert goaway[0] == Type.GOAWAY and goaway[3][:4] == b"\x7f\xff\xff\xff"
    recorder.connection.receive(frames.headers(3, REQUEST, end=True))  # it was on its way
    recorder.connection.receive(frames.ping(ping[3], ack=True))
    assert recorder.frames()[-1][3][:4] == (3).to_bytes(4, "big")
    recorder.connection.receive(frames.headers(5, REQUEST, end=True))
    assert 5 not in recorder.bodies
    for number in (3, 1):
        assert not recorder.closed
        recorder.connection.receive(data(1, b"", Flag.END_STREAM) if number == 1 else b"")
        recorder.connection.sender.end(recorder.connection.streams[number], b"\x88")
    assert recorder.closed


def test_lost_connections_cancel_what_was_begun() -> None:
    recorder = after(OPEN, frames.headers(3, REQUEST, end=True))
    recorder.connection.receive(frames.reset(3, Error.CANCEL))
    assert recorder.gone == [3]
    recorder.connection.lost()
    assert recorder.gone == [3, 1]


def test_fuzzed_frames_do_no_harm() -> None:
    chance = random.Random(9)
    good = b"".join(
        (
            HELLO, OPEN, data(1, b"abc", Flag.END_STREAM), window(1, 50), frames.ping(bytes(8)),
            frames.headers(3, REQUEST, end=True), frames.reset(3, Error.CANCEL),
        )
    )  # fmt: skip
    closed = 0
    for _ in range(1000):
        changed = bytearray(good)
        for _ in range(chance.randint(1, 5)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        recorder = Recorder()
        recorder.connection.receive(bytes(changed))  # raises nothing
        closed += recorder.closed
        assert not recorder.closed or recorder.frames()[-1][0] == Type.GOAWAY
    assert 100 < closed < 1000
