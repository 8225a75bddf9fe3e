"""A full disk: at each call that needs space, and on a real disk that is small."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from core.toolchain import ROOT
from tests.faults.calls import NEEDS_SPACE

pytestmark = pytest.mark.timeout(3600)
COMMANDS = {"run": 5, "promote 3": 2, "rollback": 3, "prune --keep 1": 1}


@pytest.mark.parametrize(("command", "every"), COMMANDS.items(), ids=COMMANDS)
def test_full_at_any_call_nothing_is_lost(campaign: Any, command: str, every: int) -> None:
    undisturbed = campaign.run(*command.split())
    after = campaign.status()[1]
    calls = [n for n, call in enumerate(undisturbed.calls) if call["call"] in NEEDS_SPACE]
    campaign.reset()
    before = campaign.status()[1]
    for number in calls[::every]:
        campaign.reset()
        done = campaign.run(*command.split(), harm="full", at=number)
        assert done.code == 1 and done.said.startswith("error: the disk is full: "), done.said
        assert done.said.count("\n") == 1
        status = campaign.true_status()
        assert status["current"] in (before["current"], after["current"])
        if command != "rollback" or status["current"] == before["current"]:
            assert campaign.run(*command.split()).code == 0
        assert campaign.status()[1] == after


def test_a_real_disk_that_is_small_and_then_read_only(tmp_path: Path) -> None:
    found = in_own_mounts("tests.faults.small_disk", tmp_path)
    full = found["full"]
    assert full["code"] == 1 and "the disk is full" in full["said"]
    assert found["status when full"]["current"] == 2
    assert found["status when full"]["problems"] == []
    assert found["with space again"]["code"] == 0
    assert found["status with space again"]["current"] == 6
    for command in ("run", "promote 3", "rollback", "prune --keep 1"):
        done = found[f"read-only {command}"]
        # What is made and current already needs no write but the lock's.
        assert done["code"] == 1 and "read-only" in done["said"], done
        assert done["said"].count("\n") == 1
    assert found["status when read-only"]["current"] == 6
    assert found["status when read-only"]["problems"] == []
    assert found["writable again"]["code"] == 0
    assert found["status at the end"]["current"] == 3


def in_own_mounts(module: str, folder: Path) -> dict[str, Any]:
    """Returns the JSON that a module prints, which may mount file systems only it can see."""
    flags = "-m" if os.geteuid() == 0 else "-rm"
    probe = ["unshare", flags, "mount", "-t", "tmpfs", "tmpfs", folder]
    tried = subprocess.run(probe, check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"private mounts are not possible here: {' '.join(tried.stderr.split())}")
    done = subprocess.run(
        ["unshare", flags, sys.executable, "-m", module, folder],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed
