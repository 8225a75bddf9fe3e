"""What all connections share: a limit for the bytes that they hold, and one per client."""

import time
from collections.abc import Callable
from operator import itemgetter

from serving.server.dataplane.statuses import Code, ServingError

MAX_TOTAL_BYTES = 512 << 20
# A request of this size is never refused because of large ones: a part of the total is kept free.
SMALL_BYTES = 256 << 10
_KEPT_FREE = 8  # one part in so many
# After so many bytes from one socket, the others have their turn. One read gives up to 256,000.
MUCH_AT_ONCE = 128_000
# Clients that read an answer more slowly are cut off: whoever reads a byte a second holds memory
# for days.
MIN_READ_BYTES_PER_SECOND = 4096
# When the total is exhausted, a client that has read nothing for so long is cut off.
MOST_SECONDS_WITHOUT_READING = 5.0


class HeldBytes:
    """Counts the bytes of all requests that are not answered yet, and of answers not read yet.

    Args:
        most: how many bytes they may have together.
        largest: how many bytes one request may have.
        clock: gives the time in seconds.

    Attributes:
        held: the number of bytes.
        peak: the most that it has been, until somebody sets it to less.
        unread: the number of bytes of answers among them.
    """

    __slots__ = ("_clock", "_most", "_most_for_large", "_unread", "held", "peak", "unread")

    def __init__(
        self,
        most: int = MAX_TOTAL_BYTES,
        largest: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._most_for_large = max(most - most // _KEPT_FREE, min(largest, most))
        self._clock = clock
        self._unread: dict[Unread, float] = {}  # since when their clients have read nothing
        self.held = self.peak = self.unread = 0

    def take(self, size: int, already: int = 0) -> None:
        """Counts bytes that arrived. Raises ServingError, and counts none, beyond the limit.

        Args:
            size: how many.
            already: how many bytes their request has had before.

        Before it refuses anything it cuts off those who read nothing, the one that has read nothing
        for the longest time first.
        """
        most = self._most if already + size <= SMALL_BYTES else self._most_for_large
        if self.held + size > most:
            self._cut_off(self.held + size - most)
        held = self.held + size
        if held > most:
            raise ServingError(
                Code.RESOURCE_EXHAUSTED,
                f"all requests and unread answers together may have {self._most} bytes "
                f"(--max_total_request_bytes), got {held}",
            )
        self.held = held
        if held > self.peak:
            self.peak = held

    def take_unread(self, size: int) -> None:
        """Counts an answer, which may be half of all bytes together with the other answers.

        Otherwise clients that do not read would keep others from asking. Raises the same error.
        """
        most = self._most // 2
        if self.unread + size > most:
            self._cut_off(self.unread + size - most)
        if self.unread + size > most:
            raise ServingError(
                Code.RESOURCE_EXHAUSTED,
                f"all unread answers together may have {most} bytes, half of "
                f"--max_total_request_bytes, got {self.unread + size}",
            )
        self.take(size, size)
        self.unread += size

    def give_back_unread(self, size: int) -> None:
        """Counts bytes of answers as read."""
        self.unread -= size
        self.give_back(size)

    def give_back(self, size: int) -> None:
        """Counts bytes as gone: their request was answered, or their client read them or left."""
        self.held -= size

    def note_progress(self, unread: "Unread") -> None:
        """Notes that a client has read something, or has something to read."""
        if unread.size:
            self._unread[unread] = self._clock()
        else:
            self._unread.pop(unread, None)

    def _cut_off(self, excess: int) -> None:
        before = self._clock() - MOST_SECONDS_WITHOUT_READING
        for unread, since in sorted(self._unread.items(), key=itemgetter(1)):
            if excess <= 0 or since > before:
                break
            excess -= unread.size
            unread.cut_off()


class Unread:
    """The bytes of large answers that one connection's client has not read.

    Args:
        total: counts them too.
        cut_off: ends the connection at once.
    """

    __slots__ = ("_cut_off", "_total", "size")

    def __init__(self, total: HeldBytes, cut_off: Callable[[], None]) -> None:
        self._total = total
        self._cut_off = cut_off
        self.size = 0

    def take(self, size: int) -> None:
        """Counts an answer. Raises ServingError, and counts nothing, beyond the total's limit."""
        self._total.take_unread(size)
        self.size += size
        self._total.note_progress(self)

    def shrink(self, left: int) -> None:
        """Counts all but the last ``left`` bytes as read."""
        if left < self.size:
            self._total.give_back_unread(self.size - left)
            self.size = left
            self._total.note_progress(self)

    def cut_off(self) -> None:
        """Ends the connection, as the memory is needed."""
        cut_off = self._cut_off
        self.close()
        cut_off()

    def close(self) -> None:
        """Counts nothing any more, and refers to nothing, as the connection is lost."""
        self.shrink(0)
        self._cut_off = _nothing


def _nothing() -> None:
    pass


def reads_too_slowly(read: int, seconds: float, patience: float) -> bool:
    """Returns whether a client reads its answers so slowly that it must be cut off.

    Args:
        read: the bytes that it has read.
        seconds: since it could have begun.
        patience: the seconds in which it may read nothing.
    """
    return seconds > patience and read < seconds * MIN_READ_BYTES_PER_SECOND


class Clients:
    """Counts a transport's connections, and how many of them each address has.

    Args:
        most: how many connections may be open. One address may have three quarters, rounded up.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._share = -(-3 * most // 4)
        self._open = 0
        self._of: dict[str, int] = {}

    def enter(self, address: str) -> str:
        """Counts a connection. Returns why it is too many; empty when it may stay.

        Args:
            address: of the client, without its port; empty for a UNIX socket, which has no share.
        """
        total, own = self._open, self._of.get(address, 0)
        self._open += 1
        if address:
            self._of[address] = own + 1
        if total >= self._most:
            return f"{total} connections are already open, at most {self._most} (--max_connections)"
        if own >= self._share:
            return (
                f"{address} already has {own} connections, at most {self._share} may come from "
                f"one address: three quarters of {self._most} (--max_connections)"
            )
        return ""

    def leave(self, address: str) -> None:
        """Counts a connection as closed."""
        self._open -= 1
        left = self._of.get(address, 0) - 1
        if left > 0:
            self._of[address] = left
        else:
            self._of.pop(address, None)


def address_of(peer: object) -> str:
    """Returns the address in a socket's peer name; empty for a UNIX socket."""
    return str(peer[0]) if isinstance(peer, tuple) else ""
