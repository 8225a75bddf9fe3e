import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.toolchain import ROOT
from pipeline.commands.cli import main


def test_an_unknown_model_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--model", "nope"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: unknown model 'nope'")
    assert error.count("\n") == 1


def test_an_unknown_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--profile", "huge"]) == 2
    assert "default, quick" in capsys.readouterr().err


def test_status_before_anything_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FANOUT_BUILD", str(tmp_path))
    assert main(["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["current"] is None
    assert status["versions"] == []


def test_promotion_without_a_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FANOUT_BUILD", str(tmp_path))
    assert main(["promote", "--model", "fashion", "--profile", "default"]) == 2
    assert "no release of fashion yet; run: fanout run" in capsys.readouterr().err


def test_help_does_not_wait_for_tensorflow() -> None:
    code = """
import sys
from pipeline.commands.cli import main
try:
    main(["--help"])
finally:
    assert not {"tensorflow", "tfx", "keras"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_reader_that_stops_early_is_not_an_error(tmp_path: Path, buffered: str) -> None:
    from_child, to_us = os.pipe()
    os.close(from_child)
    with os.fdopen(to_us, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.commands.cli", "status"],
            check=False,
            cwd=ROOT,
            env={**os.environ, "FANOUT_BUILD": str(tmp_path), "PYTHONUNBUFFERED": buffered},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (141, "")
