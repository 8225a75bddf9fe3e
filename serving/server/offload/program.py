"""python -m serving.server.offload.program FD: runs functions for the server, one at a time.

It reads large requests and writes large answers. In the server's own process that would keep all
threads waiting: most of it happens inside single calls of C, which hold Python's lock.
"""

import contextlib
import importlib.util
import os
import signal
import socket
import sys
import types
from pathlib import Path

from serving.server.dataplane.statuses import from_exception
from serving.server.offload import exchange

# Small requests come first, also when the processor is busy.
NICENESS = 5
# Should memory run out, the kernel ends this process rather than the server.
OOM_SCORE_ADJUSTMENT = "500"


def main() -> int:
    """Returns 0 when the server is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):  # sent to the whole group; the server decides
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE_ADJUSTMENT)
    import_messages_only()
    with socket.socket(fileno=int(sys.argv[1])) as server:
        while True:
            try:
                function, arguments = exchange.receive(server)
            except (EOFError, OSError):
                return 0
            try:
                outcome = function(*arguments)
            except Exception as error:  # the client gets an answer to any error
                outcome = from_exception(error)
            del arguments
            try:
                exchange.send(server, outcome)
            except OSError:
                return 0
            del outcome


def import_messages_only() -> None:
    """Makes TensorFlow's protobuf modules importable without TensorFlow.

    They lie in its package, whose import takes seconds and 300 MB. See docs/private-parts.md.
    """
    spec = importlib.util.find_spec("tensorflow")
    package = types.ModuleType("tensorflow")
    vars(package).update(__path__=list(spec.submodule_search_locations or ()) if spec else [])
    sys.modules["tensorflow"] = package


if __name__ == "__main__":
    sys.exit(main())
