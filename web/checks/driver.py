"""Runs one of the Node scripts in web/browser/, which drive a headless Chromium."""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import FanoutError
from core.toolchain import NODE, WEB, require


class BrowserError(FanoutError):
    """The script gave no answer; the message says why: no browser, a crash or a timeout."""


def run_script(name: str, job: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
    """Returns the script's answer to the job, both JSON values.

    Args:
        name: the script's file name, without its suffix.
        job: the script's instructions.
        seconds: the time limit, after which the script is stopped together with its browser.

    Raises:
        BrowserError: the script gave no answer.
        UserError: Node.js is not installed.
    """
    require(WEB / "node_modules" / "playwright-core")
    with tempfile.TemporaryDirectory(prefix="fanout-browser-") as folder:
        answer_file = Path(folder) / "answer.json"
        job_file = Path(folder) / "job.json"
        job_file.write_text(json.dumps({**job, "answer": str(answer_file)}))
        problem = _run([require(NODE), WEB / "browser" / f"{name}.ts", job_file], seconds)
        if not answer_file.is_file():
            raise BrowserError(problem or "the browser driver ended without an answer")
        result: dict[str, Any] = json.loads(answer_file.read_text())
    if "error" in result:
        raise BrowserError(result["error"])
    return result


def _run(command: list[str | Path], seconds: float) -> str:
    """Runs the command; returns the last line of its standard error."""
    process = subprocess.Popen(
        command,
        cwd=WEB,
        env={**os.environ, "NODE_NO_WARNINGS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        _, stderr = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        _end(process)
        raise BrowserError(f"the browser gave no answer within {seconds:.0f} s") from error
    except BaseException:
        _end(process)
        raise
    lines = stderr.strip().splitlines()
    return lines[-1] if lines else ""


def _end(process: "subprocess.Popen[str]") -> None:
    # The driver closes its browser at SIGTERM; SIGKILL would leave it behind.
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
