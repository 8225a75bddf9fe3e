"""python -m tests.faults.small_disk FOLDER: commands on a small disk that is full, then read-only.

It mounts a file system on FOLDER, so it must run in ``unshare``. It prints JSON.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.campaign import Campaign

DISK_BYTES = 24 << 20


def main(folder: Path) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], check=True
    )
    campaign = Campaign(folder / "own", said=folder.with_name("said"))
    found: dict[str, Any] = {}

    def run(name: str, command: str) -> None:
        found[name] = asdict(campaign.run(*command.split()))

    filler = folder / "filler"
    disk = os.statvfs(folder)
    # This leaves room for only a part of a release.
    filler.write_bytes(bytes(disk.f_bavail * disk.f_frsize - 100_000))
    run("full", "run")
    found["status when full"] = campaign.status()[1]
    filler.unlink()
    run("with space again", "run")
    found["status with space again"] = campaign.status()[1]

    _remount(folder, "ro")
    for command in ("run", "promote 3", "rollback", "prune --keep 1"):
        run(f"read-only {command}", command)
    found["status when read-only"] = campaign.status()[1]
    _remount(folder, "rw")
    run("writable again", "promote 3")
    found["status at the end"] = campaign.status()[1]
    campaign.close()
    print(json.dumps(found))


def _remount(folder: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", folder], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
