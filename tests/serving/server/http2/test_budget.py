"""Control frames: an ordinary client's cost nothing beside its calls; floods are cut."""

from collections import deque

import pytest

from serving.server.http2 import flow, frames
from serving.server.http2.flow import Budget
from serving.server.http2.frames import ConnectionFault, Error, Flag, Setting, Type
from tests.serving.server.http2.recorder import HELLO, OPEN, REQUEST, Recorder, data

PING = frames.ping(bytes(8))
BODY = b"\0\0\0\0\1x"


class Clock:
    """Shows the time that a test sets, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(clock: Clock) -> Recorder:
    found = Recorder(clock)
    found.connection.receive(HELLO + frames.window_update(0, 1 << 30))
    return found


def call(stream: int) -> bytes:
    return frames.headers(stream, REQUEST, end=False) + data(stream, BODY, Flag.END_STREAM)


def answer(recorder: Recorder, body: bytes = BODY) -> None:
    recorder.connection.sender.respond(recorder.ended.pop(), b"\x88", body, b"\x88")


def cut(recorder: Recorder) -> bool:
    """Returns whether the connection was ended for too many frames; nothing else may end it."""
    if not recorder.closed:
        return False
    kind, _, _, payload = recorder.frames()[-1]
    assert kind == Type.GOAWAY
    assert int.from_bytes(payload[4:8], "big") == Error.ENHANCE_YOUR_CALM
    return True


def test_calls_with_a_ping_each_as_grpc_go_sends(recorder: Recorder) -> None:
    for stream in range(1, 60_000, 2):  # 30,000 calls in no time
        recorder.connection.receive(call(stream))
        answer(recorder)
        recorder.sent = b""
        recorder.connection.receive(PING)
        assert recorder.sent == frames.ping(bytes(8), ack=True)
    assert not recorder.closed


def test_long_answers_with_a_ping_for_each_frame(recorder: Recorder) -> None:
    settings = {Setting.INITIAL_WINDOW_SIZE: 1 << 30}
    recorder.connection.receive(frames.settings(settings))
    for stream in range(1, 24, 2):
        recorder.connection.receive(call(stream))
        answer(recorder, bytes(200 << 14))
        recorder.sent = b""
        for _ in range(200):
            recorder.connection.receive(PING)
    assert not recorder.closed


def test_long_requests_with_a_ping_for_each_frame(recorder: Recorder) -> None:
    recorder.connection.receive(OPEN)
    for _ in range(3000):
        recorder.connection.receive(data(1, bytes(1 << 14)) + PING)
        recorder.bodies[1] = recorder.sent = b""
    assert not recorder.closed


@pytest.mark.parametrize("healthy", [True, False])
def test_deadlines_that_pass(recorder: Recorder, clock: Clock, *, healthy: bool) -> None:
    """400 resets a second of streams that were open for 100 ms, beside calls or alone."""
    opened: deque[int] = deque()
    stream = 1
    for _ in range(400 * 60):
        clock.now += 1 / 400
        recorder.connection.receive(call(stream))
        recorder.ended.clear()
        opened.append(stream)
        stream += 2
        if len(opened) > 40:
            recorder.connection.receive(frames.reset(opened.popleft(), Error.CANCEL))
        if healthy:
            recorder.connection.receive(call(stream))
            answer(recorder)
            stream += 2
        recorder.sent = b""
    assert not recorder.closed
    assert len(recorder.gone) == 400 * 60 - 40


def test_late_resets_of_streams_that_were_answered(recorder: Recorder) -> None:
    for stream in range(1, 10_000, 2):
        recorder.connection.receive(call(stream))
        answer(recorder)
        recorder.connection.receive(frames.reset(stream, Error.CANCEL) + PING)
        recorder.sent = b""
    assert not recorder.closed


FLOODS = {
    "pings": PING,
    "settings": frames.settings({}),
    "unknown frames": frames.head(0, 0x42, 0, 0),
    "resets of nothing": frames.reset(1, Error.CANCEL),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods_after_useful_work(recorder: Recorder, name: str) -> None:
    for stream in range(1, 4001, 2):
        recorder.connection.receive(call(stream))
        answer(recorder)
        recorder.sent = b""
    recorder.connection.receive(FLOODS[name] * 1100)
    assert cut(recorder)


@pytest.mark.parametrize("whole", [True, False])
def test_rapid_resets(recorder: Recorder, clock: Clock, *, whole: bool) -> None:
    for stream in range(1, 20_000, 2):
        clock.now += 1e-4
        begun = call(stream) if whole else frames.headers(stream, REQUEST, end=False)
        recorder.connection.receive(begun + frames.reset(stream, Error.CANCEL))
        if recorder.closed:
            break
    assert cut(recorder)


def test_a_budget_holds_no_more_than_its_burst(clock: Clock) -> None:
    budget = Budget(burst=10, per_second=1.0, clock=clock)
    clock.now += 1000.0
    budget.earn(1000.0)
    for _ in range(10):
        budget.spend()
    with pytest.raises(ConnectionFault):
        budget.spend()


def test_a_budget_refills_before_it_is_empty(clock: Clock) -> None:
    budget = Budget(burst=10, per_second=1.0, clock=clock)
    for _ in range(5):
        budget.spend()
    clock.now += 3.0
    for _ in range(8):
        budget.spend()
    clock.now += 0.5
    with pytest.raises(ConnectionFault):
        budget.spend()


def test_work_earns_less_than_all(clock: Clock) -> None:
    budget = Budget(burst=10, per_second=0.0, clock=clock)
    for _ in range(10):
        budget.spend()
    budget.earn(flow.RESPONSE_EARNS)
    for _ in range(int(flow.RESPONSE_EARNS)):
        budget.spend()
    with pytest.raises(ConnectionFault):
        budget.spend()
