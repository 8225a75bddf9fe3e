"""A supervised program without TensorFlow: each life does what its argument says.

    python -m tests.serving.server.supervised_program early:SIGABRT ready:3 ready:stay

The part before the colon is when it ends, the part after it how: by a signal, with a code, or when
it is asked to. A life prints one line of JSON first.
"""

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict

from serving.server import supervisor
from serving.server.supervisor import Life

_PR_SET_CHILD_SUBREAPER = 36


def work(life: Life) -> int:
    ways = sys.argv[1:]
    when, _, how = ways[min(life.restarts.count, len(ways) - 1)].partition(":")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    if how == "stay":
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
    if when == "ready":
        life.ready()
    orphan = _orphan() if how == "orphan" else 0
    facts = {"pid": os.getpid(), "blocked": list(blocked), "orphan": orphan}
    print(json.dumps(facts | asdict(life.restarts)), flush=True)
    if how.isdecimal():
        return int(how)
    if how.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[how])
    if how == "stay":
        signal.sigwait((signal.SIGTERM,))
        return 0
    while True:
        signal.pause()


def _orphan() -> int:
    """Returns the id of a process that ends after its parent has ended."""
    readable, writable = os.pipe()
    between = os.fork()
    if not between:
        child = os.fork()
        if child:
            os.write(writable, str(child).encode())
        os._exit(0)
    os.waitpid(between, 0)
    return int(os.read(readable, 20))


if __name__ == "__main__":
    # Orphans come to it as they come to PID 1.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    supervisor.LONGEST_PAUSE_SECONDS = 0.1
    sys.exit(supervisor.run(work))
