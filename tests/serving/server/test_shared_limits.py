"""Limits that all connections share: bytes of requests, and connections of one address."""

import contextlib
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from serving import embedded
from serving.embedded import Address
from serving.server.dataplane.shared import (
    MIN_READ_BYTES_PER_SECOND,
    SMALL_BYTES,
    Clients,
    HeldBytes,
    Unread,
    address_of,
    reads_too_slowly,
)
from serving.server.dataplane.statuses import Code, ServingError
from tests.serving.server.loops import SECONDS, wait_until

ONE, ALL = 200_000, 300_000
WORDS = (
    f"all requests and unread answers together may have {ALL} bytes (--max_total_request_bytes), "
    "got "
)
PREDICT = "/tensorflow.serving.PredictionService/Predict"


def test_bytes_are_taken_and_given_back() -> None:
    total = HeldBytes(100)
    total.take(60)
    with pytest.raises(ServingError, match=r"may have 100 bytes .*_bytes\), got 101") as caught:
        total.take(41)
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    total.take(40)
    total.give_back(100)
    assert total.held == 0


def test_small_requests_have_room_beside_large_ones() -> None:
    total = HeldBytes(8 << 20)
    total.take(6 << 20)
    with pytest.raises(ServingError, match=r"got 7864320$"):
        total.take((1 << 20) + (1 << 19))
    total.take(1 << 20)
    with pytest.raises(ServingError, match="got"):
        total.take(1, already=1 << 20)
    total.take(SMALL_BYTES)
    total.take(100, already=SMALL_BYTES - 100)


def test_the_largest_request_always_fits() -> None:
    total = HeldBytes(8 << 20, largest=8 << 20)
    total.take(8 << 20)
    total.give_back(8 << 20)
    total = HeldBytes(8 << 20, largest=(7 << 20) + 5)
    total.take((7 << 20) + 5)
    with pytest.raises(ServingError, match="got"):
        total.take(1 << 19)


def test_unread_answers_count_until_they_are_read() -> None:
    total = HeldBytes(200)
    unread = Unread(total, lambda: None)
    unread.take(60)
    with pytest.raises(
        ServingError, match=r"unread answers together may have 100 bytes.* got 101$"
    ):
        unread.take(41)
    unread.shrink(70)
    assert (unread.size, total.held, total.unread) == (60, 60, 60)
    unread.shrink(10)
    assert (unread.size, total.held, total.unread) == (10, 10, 10)
    total.take(190)
    with pytest.raises(ServingError, match="requests and unread answers together may have 200"):
        unread.take(1)
    unread.close()
    assert (total.held, total.unread) == (190, 0)


def test_who_reads_nothing_is_cut_off_when_the_memory_is_needed() -> None:
    now = 100.0
    total = HeldBytes(150, clock=lambda: now)
    cut: list[str] = []
    clients = {name: Unread(total, partial(cut.append, name)) for name in ("a", "b", "c")}
    for unread in clients.values():
        unread.take(25)
    now = 104.0
    clients["a"].shrink(20)
    with pytest.raises(ServingError, match="got"):  # none has waited for long enough
        total.take(100)
    assert cut == []
    now = 106.0
    total.take(100)  # one of the two that have read nothing for 6 seconds is enough
    assert (cut, total.held) == (["b"], 145)
    with pytest.raises(ServingError, match="got"):
        total.take(60)
    assert (cut, total.held) == (["b", "c"], 120)
    total.give_back(100)
    now = 109.5
    Unread(total, lambda: None).take(60)  # more than half of all, but for who is cut off
    assert (cut, total.held, total.unread) == (["b", "c", "a"], 60, 60)


def test_who_reads_too_slowly() -> None:
    assert not reads_too_slowly(0, 29.0, 30.0)
    assert reads_too_slowly(31, 31.0, 30.0)
    assert not reads_too_slowly(31 * MIN_READ_BYTES_PER_SECOND, 31.0, 30.0)


@pytest.mark.parametrize(("most", "share"), [(1, 1), (2, 2), (3, 3), (4, 3), (8, 6), (900, 675)])
def test_the_share_of_an_address(most: int, share: int) -> None:
    clients = Clients(most)
    assert [clients.enter("a") for _ in range(share)] == [""] * share
    refusal = clients.enter("a")
    assert "(--max_connections)" in refusal and str(most) in refusal
    clients.leave("a")
    rest = [clients.enter("b") for _ in range(most - share)]
    assert rest == [""] * (most - share)
    clients.leave("a")
    assert clients.enter("a") == ""
    assert "are already open" in clients.enter("c")


def test_unix_sockets_have_no_share() -> None:
    clients = Clients(4)
    assert [clients.enter("") for _ in range(4)] == [""] * 4
    assert "4 connections are already open" in clients.enter("")
    assert [address_of(peer) for peer in ("", "folder/s", b"\0s", None, ("::1", 5, 0, 0))] == [
        "", "", "", "", "::1",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def small(half_plus_two: Path) -> Iterator[Address]:
    """A server whose requests may have little together."""
    # A request that is held may take long to arrive.
    sizes = (f"--max_body_bytes={ONE}", f"--max_total_request_bytes={ALL}")
    options = (*sizes, "--rest_api_timeout_in_ms=600000")
    with embedded.running("half", half_plus_two, *options) as address:
        yield address


def begun(address: Address, size: int) -> socket.socket:
    """Returns a connection with a request of ``ONE`` bytes, of which ``size`` were sent."""
    one = socket.create_connection((address.host, address.rest_port), timeout=SECONDS)
    one.sendall(b"POST /v1/models/half:predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % ONE)
    one.sendall(b" " * size)
    return one


def posted(address: Address) -> bytes:
    """Returns the answer to a request of ``ONE`` bytes."""
    with begun(address, 0) as one:
        body = b'{"instances": [1.0]}'
        with contextlib.suppress(OSError):  # a refusal comes before the end
            one.sendall(body + b" " * (ONE - len(body)))
            one.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := one.recv(65536):
                answer += part
        return answer


def until(address: Address, status: bytes) -> bytes:
    """Returns the first answer with a status: the server may not have read all that was sent."""
    deadline = time.monotonic() + SECONDS
    while not (answer := posted(address)).startswith(b"HTTP/1.1 " + status):
        assert time.monotonic() < deadline, answer
        time.sleep(0.01)
    return answer


def called(address: Address) -> tuple[str, str]:
    """Returns the status of a call of about ``ONE`` bytes."""
    with grpc.insecure_channel(f"{address.host}:{address.grpc_port}") as channel:
        message = BytesValue(value=bytes(ONE - 100)).SerializeToString()
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(PREDICT)(message, timeout=SECONDS)
        return caught.value.code().name, caught.value.details()


def test_requests_beyond_the_limit_for_all(small: Address) -> None:
    held = begun(small, ONE - 10)
    answer = until(small, b"503 ")
    assert WORDS.encode() in answer
    code, details = called(small)
    assert code == "RESOURCE_EXHAUSTED" and details.startswith(WORDS)
    held.close()
    until(small, b"200 ")
    # The message is not a PredictRequest; but it was read to its end.
    wait_until(lambda: called(small)[0] == "INVALID_ARGUMENT")


def test_bytes_of_calls_that_were_broken_off(small: Address) -> None:
    target = f"{small.host}:{small.grpc_port}"
    for _ in range(5):  # together more than all may have
        with grpc.insecure_channel(target) as channel:
            done = channel.unary_unary(PREDICT).future(bytes(ONE - 100), timeout=SECONDS)
            done.cancel()
    wait_until(lambda: called(small)[0] == "INVALID_ARGUMENT")
    for _ in range(5):
        assert called(small)[0] == "INVALID_ARGUMENT"
    for _ in range(5):
        begun(small, ONE // 2).close()
    until(small, b"200 ")


def test_bytes_are_given_back_with_every_answer(small: Address) -> None:
    bodies = (b'{"instances": [1.0]}', b"{", b'{"instances": [[[1]]]}', b'{"instances": ["a"]}')
    with socket.create_connection((small.host, small.rest_port), timeout=SECONDS) as one:
        for body in bodies * 3:
            padded = body + b" " * (ALL // 4 - len(body))
            size = len(padded)
            one.sendall(
                b"POST /v1/models/half:predict HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size
            )
            one.sendall(padded)
            assert one.recv(65536).split(b" ")[1] in (b"200", b"400")
    for _ in range(5):
        assert called(small)[0] == "INVALID_ARGUMENT"
    assert until(small, b"200 ")


def test_a_client_cannot_take_all_connections(half_plus_two: Path) -> None:
    with (
        embedded.running("half", half_plus_two, "--max_connections=8") as address,
        contextlib.ExitStack() as stack,
    ):

        def connected(port: int) -> socket.socket:
            return stack.enter_context(
                socket.create_connection((address.host, port), timeout=SECONDS)
            )

        def refused() -> bool:
            one = connected(address.rest_port)
            one.sendall(b"GET /v1/models/half HTTP/1.1\r\nHost: t\r\n\r\n")
            answer = one.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ") or b"at most 6 may come from" in answer
            return answer.startswith(b"HTTP/1.1 503 ")

        wait_until(refused)
        grpc_connections = [connected(address.grpc_port) for _ in range(7)]
        assert b"already has 6 connections, at most 6 may" in _all(grpc_connections[-1])


def _all(connection: socket.socket) -> bytes:
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


def test_an_answer_gives_back_while_the_connection_stays(small: Address) -> None:
    with begun(small, ONE - 10) as held:
        until(small, b"503 ")
        held.sendall(b" " * 10)
        assert held.recv(65536).startswith(b"HTTP/1.1 400 ")
        until(small, b"200 ")
