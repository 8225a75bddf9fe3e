"""The console, and where the output of libraries goes."""

import os
import sys
from pathlib import Path

import pytest

from core.console import CONSOLE, library_noise_to


def test_noise_goes_to_the_log_and_the_console_back_to_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "logs" / "noise.log"
    with library_noise_to(log):
        os.write(2, b"noise\n")
        CONSOLE.print("shown")
    assert log.read_text() == "noise\n"
    assert capfd.readouterr().err == "shown\n"
    # Whatever standard error is by then, as rich has it that was told of no file.
    with (tmp_path / "later").open("w+") as later:
        monkeypatch.setattr(sys, "stderr", later)
        CONSOLE.print("afterwards")
        later.seek(0)
        assert later.read() == "afterwards\n"
