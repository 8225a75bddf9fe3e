"""All calls with which a process changes the disk, in order, and faults injected into them.

Python's own file objects are replaced by the pure-Python ones of the standard library (``_pyio``),
which reach the system through ``os`` alone. Then the functions of ``os`` are wrapped. The real code
runs on a real file system.
"""

import _pyio
import builtins
import errno
import io
import os
import signal
from collections.abc import Callable
from typing import Any

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
NEEDS_SPACE = {"open", "write", "sendfile", "fsync", "mkdir", "symlink"}
CALLS = (
    *("write", "sendfile", "fsync", "ftruncate", "rename", "replace", "symlink", "link"),
    *("unlink", "remove", "rmdir", "mkdir", "utime", "chmod"),
)


class Faults:
    """Counts and records the calls that change the disk, and injects a fault at one of them.

    Args:
        root: the folder below which calls count.
        harm: ``none``; ``kill``: SIGKILL before the call; ``half``: SIGKILL after half of a write;
            ``full``: the disk is full from that call on.
        at: the number of the call, from 0.
    """

    def __init__(self, root: str, harm: str, at: int) -> None:
        self.root, self.harm, self.at = root, harm, at
        self.calls: list[dict[str, str]] = []
        self._paths: dict[int, str] = {}

    def install(self) -> None:
        io.open = builtins.open = _pyio.open  # type: ignore[assignment]
        for name in CALLS:
            setattr(os, name, self._wrapped(name, getattr(os, name)))
        os.open = self._open(os.open)  # type: ignore[assignment]

    def _open(self, original: Callable[..., int]) -> Callable[..., int]:
        def opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
            place = self._place(path, options)
            if flags & WRITING:
                self._before("open", place)
            handle = original(path, flags, *arguments, **options)
            self._paths[handle] = place
            return handle

        return opened

    def _wrapped(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            place = self._place(arguments[name in ("symlink", "link")], options)
            to = os.fspath(arguments[1]) if name in ("rename", "replace") else ""
            if name == "write" and self.harm == "half" and len(self.calls) == self.at:
                original(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                _die()
            self._before(name, place, to)
            return original(*arguments, **options)

        return call

    def _place(self, path: Any, options: Any) -> str:
        """Returns the path of a file descriptor, or a path below the folder of ``dir_fd``."""
        if isinstance(path, int):
            return self._paths.get(path, "")
        folder = options.get("dir_fd")
        return os.path.join(self._paths.get(folder, ""), path)  # noqa: PTH118 - these are often strings

    def _before(self, name: str, path: str, to: str = "") -> None:
        if not path.startswith(self.root):
            return
        number = len(self.calls)
        self.calls.append({"call": name, "path": path, "to": to})
        if self.harm == "kill" and number == self.at:
            _die()
        if self.harm == "full" and number >= self.at and name in NEEDS_SPACE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
