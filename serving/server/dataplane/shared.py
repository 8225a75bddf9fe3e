"""What all connections share: a limit for the bytes of their requests, and one per client."""

from serving.server.dataplane.statuses import Code, ServingError

MAX_TOTAL_BYTES = 512 << 20


class RequestBytes:
    """Counts the bytes of all requests that are arriving or not answered yet.

    Args:
        most: how many bytes they may have together.
    """

    __slots__ = ("_most", "held")

    def __init__(self, most: int = MAX_TOTAL_BYTES) -> None:
        self._most = most
        self.held = 0

    def take(self, size: int) -> None:
        """Counts bytes that arrived. Raises ServingError, and counts none, beyond the limit."""
        held = self.held + size
        if held > self._most:
            raise ServingError(
                Code.RESOURCE_EXHAUSTED,
                f"all requests together may have {self._most} bytes (--max_total_request_bytes), "
                f"got {held}",
            )
        self.held = held

    def give_back(self, size: int) -> None:
        """Counts bytes as gone, because their request was answered or its client left."""
        self.held -= size


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
