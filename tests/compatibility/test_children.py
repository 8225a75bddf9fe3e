"""A child that returns, raises, dies or hangs is a result, not the end."""

import os
import signal
import time
from pathlib import Path

from core.errors import UserError
from tests.compatibility import children


def refuse() -> None:
    raise UserError("no such operator")


def fail() -> None:
    raise ValueError("basic_string")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_each_end_is_told(tmp_path: Path) -> None:
    log = tmp_path / "step.log"
    assert children.run(lambda: [1], log, 10).value == [1]
    assert children.run(refuse, log, 10).refusal == "no such operator"
    assert children.run(fail, log, 10).error.startswith("ValueError in test_children.py")
    assert children.run(die, log, 10).death == "the process ended with signal SIGKILL"


def test_a_hanging_child_ends_at_its_limit(tmp_path: Path) -> None:
    start = time.monotonic()
    ended = children.run(lambda: time.sleep(60), tmp_path / "step.log", 0.3)
    assert ended.death == "no answer within 0 s"
    assert time.monotonic() - start < 30
