"""The access log: one line of JSON per request, written by its own thread."""

import logging
import logging.handlers
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from core.errors import UserError
from serving.server.records.background import Background

STDOUT = Path("-")
MAX_TEXT = 512
LOG = logging.getLogger("fanout-model-server")


class AccessLog:
    """Writes one line per request; drops lines that come faster than the disk can write them.

    Args:
        path: the file, which is rotated; ``-`` is standard output.
        max_bytes, max_files: the size limit of a file, and the number of files with all rotations.
        dropped: called for each line that was not written, in any thread.

    Raises UserError when the file can't be opened.
    """

    def __init__(
        self, path: Path, *, max_bytes: int, max_files: int, dropped: Callable[[], None]
    ) -> None:
        self._dropped = dropped
        self._handler: logging.StreamHandler[Any]
        if path == STDOUT:
            self._handler = logging.StreamHandler(sys.stdout)
        else:
            try:
                self._handler = logging.handlers.RotatingFileHandler(
                    path, maxBytes=max_bytes, backupCount=max_files - 1, encoding="utf-8"
                )
            except OSError as error:
                raise UserError(f"--access_log {path} cannot be written: {error}") from error
        self._handler.handleError = self._failed  # type: ignore[method-assign,assignment]
        self._complained = False
        self._thread = Background("access log")

    def record(self, **fields: Any) -> None:
        """Queues the line of one request, to which ``time`` is added."""
        now = datetime.now(UTC)
        for name, value in fields.items():
            if isinstance(value, str) and len(value) > MAX_TEXT:
                fields[name] = value[:MAX_TEXT] + "…"
        if not self._thread.offer(MAX_TEXT, lambda: self._write(now, fields)):
            self._dropped()

    def close(self) -> None:
        """Writes the queued lines, and closes the file."""
        self._thread.stop()
        self._handler.close()

    def _write(self, now: datetime, fields: dict[str, Any]) -> None:
        time = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        try:
            line = orjson.dumps({"time": time, **fields}).decode()
        except orjson.JSONEncodeError:  # a string that is not valid Unicode
            clean = {
                name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
                for name, value in fields.items()
            }
            line = orjson.dumps({"time": time, **clean}).decode()
        self._handler.emit(logging.LogRecord("access", logging.INFO, "", 0, line, None, None))

    def _failed(self, _: logging.LogRecord) -> None:
        self._dropped()
        if not self._complained:
            self._complained = True
            LOG.error("the access log cannot be written: %s", sys.exc_info()[1])
