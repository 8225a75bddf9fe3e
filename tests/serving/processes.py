"""What the operating system says of a server's process."""

import contextlib
import os
from pathlib import Path

from serving.embedded import Address

LISTEN = "0A"  # as /proc/net/tcp writes the state


def memory(address: Address) -> int:
    """Returns the resident memory of the server that listens there, in bytes."""
    return resident(pid(address))


def peak(address: Address) -> int:
    """Returns the largest resident memory that the server has had, in bytes."""
    status = Path(f"/proc/{pid(address)}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def pid(address: Address) -> int:
    """Returns the process of the server that listens there."""
    rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{address.rest_port:04X}"
    sockets = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(port) and row[3] == LISTEN}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(file.readlink()) in sockets for file in (process / "fd").iterdir()):
                return int(process.name)
    raise LookupError(f"no process listens on port {address.rest_port}")


def resident(process: int) -> int:
    """Returns the resident memory of a process, in bytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def children(process: int) -> list[int]:
    """Returns the processes that a process has started and that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == process:
                found.append(int(status.parent.name))
    return found
