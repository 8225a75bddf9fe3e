"""Runs the programs for a Raspberry Pi in the edge environment."""

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from core.toolchain import EDGE_PYTHON


def run(
    folder: Path, *arguments: str | Path, pillow: Path | None, program: str = "predict.py"
) -> "subprocess.CompletedProcess[str]":
    """Runs a program of a bundled folder.

    Args:
        pillow: a folder that has Pillow; None runs without it.
    """
    return subprocess.run(
        [EDGE_PYTHON, folder / program, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env={"PYTHONPATH": str(pillow)} if pillow else {},
    )


def lines_of(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """Returns the JSON objects that a program printed. It must have ended without an error."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Returns the lines on stderr that are not the runtime's own."""
    return [line for line in done.stderr.splitlines() if not line.startswith(("INFO:", "WARNING:"))]


@contextmanager
def served(folder: Path, pillow: Path) -> Iterator[int]:
    """Runs the service of a bundled folder, and yields its port."""
    with subprocess.Popen(
        [EDGE_PYTHON, folder / "serve.py", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PYTHONPATH": str(pillow)},
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield int(line.split()[2].rstrip("/").rpartition(":")[2])
        finally:
            process.terminate()


def request(
    port: int, method: str, body: bytes | None = None, length: int | None = None
) -> tuple[int, dict[str, Any]]:
    """Returns the status and the JSON of the service's answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {} if length is None else {"Content-Length": str(length)}
    try:
        connection.request(method, "/", body, headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
