"""Two commands on one build folder: one works, the other reports which process does."""

import os
import subprocess
import sys
from typing import Any

from core.toolchain import ROOT
from pipeline.release import release
from pipeline.settings.lock import exclusive

COMMANDS = (
    *("promote 3", "rollback", "prune --keep 1", "run"),
    *("serve", "withdraw", "sign 3"),
)


def test_the_second_reports_who_works_and_since_when(campaign: Any) -> None:
    with exclusive(campaign.config.build.folder):
        for command in COMMANDS:
            done = campaign.run(*command.split())
            assert done.code == 2
            assert f"is in use by process {os.getpid()} (" in done.said
            assert " since 20" in done.said
        code, status = campaign.status()
        assert code == 0 and f"process {os.getpid()} " in status["working"]
        assert campaign.run("prune", "--keep", "1", "--dry-run").code == 0
    assert campaign.status()[1]["working"] is None
    assert campaign.run("promote", "3").code == 0


def test_many_promotions_at_once_leave_one_of_them(campaign: Any) -> None:
    own = {"FANOUT_BUILD": str(campaign.builds), "MODEL": "fashion", "PROFILE": "quick"}
    environment = {**os.environ, **own}
    started = {
        version: subprocess.Popen(
            [sys.executable, "-m", "pipeline.commands.cli", "promote", str(version)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for version in (1, 3, 5)
    }
    said = {version: process.communicate()[1] for version, process in started.items()}
    done = {version for version, process in started.items() if process.returncode == 0}
    assert done
    assert release.current_version(campaign.config.build) in done
    for version in set(started) - done:
        assert started[version].returncode == 2 and "is in use by" in said[version]
    assert campaign.status()[0] == 0
