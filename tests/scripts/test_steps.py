from pathlib import Path

import pytest

from scripts.setup import steps
from scripts.setup.steps import Log, Step, StepFailed, run_steps


def make(tmp_path: Path, action: object) -> Step:
    lock = tmp_path / "some.lock"
    if not lock.exists():
        lock.write_text("a==1\n")
    return Step("some thing", tmp_path / "env" / "installed", (lock,), action, "try again")  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(steps, "ROOT", tmp_path)


def test_done_once_until_an_input_changes(tmp_path: Path) -> None:
    done: list[int] = []

    def action(log: Log) -> str:
        done.append(1)
        return "a 1"

    assert run_steps([make(tmp_path, action)]) == 0
    assert run_steps([make(tmp_path, action)]) == 0
    assert len(done) == 1
    (tmp_path / "some.lock").write_text("a==2\n")
    assert run_steps([make(tmp_path, action)]) == 0
    assert len(done) == 2


def test_a_failure_says_what_why_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def action(log: Log) -> str:
        log.run(["sh", "-c", "echo no route to the registry; exit 3"], cwd=tmp_path)
        return ""

    step = make(tmp_path, action)
    assert run_steps([step]) == 1
    error = capsys.readouterr().err
    assert "set-up of the some thing failed" in error
    assert "no route to the registry" in error
    assert "try again" in error
    assert not step.is_fresh()


def test_a_tool_that_is_missing_is_a_failed_step(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    with pytest.raises(StepFailed, match="no-such-tool: No such file"):
        log.run(["no-such-tool"], cwd=tmp_path)
