"""Trained models of every usual kind, from their file to what is deployed, without an edit.

    python -m tests.programs.brought [MODEL …]

Each is written as a .keras file, made into a model's folder with ``fanout new --keras``, and
deployed with the quick profile, in a copy of the project. All rows of all targets must pass.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from core.agreement.checks import PASSED, Check
from tests.models.brought import ANSWERS, MODELS, save
from tests.second_project import SecondProject


def deploy(project: SecondProject, name: str) -> list[Check]:
    """Returns the rows of a model's release and of its deployment, whatever they say."""
    project.fanout("new", name, "--keras", str(save(name, project.folder)), model=name)
    try:
        project.run("deploy", model=name)
        rows = json.loads((project.release(name) / "manifest.json").read_text())["checks"]
        rows += json.loads(project.run("smoke", "--json", model=name).stdout or "[]")
    finally:
        project.fanout("stop", model=name)
    return [Check.from_json(row) for row in rows]


def main() -> int:
    """Returns the exit code: 0 when every row of every model passed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.programs.brought")
    known = [*MODELS, *ANSWERS]
    parser.add_argument("models", nargs="*", help=f"of {', '.join(known)}; default: all")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fanout-brought-") as folder:
        project = SecondProject.at(Path(folder) / "copy")
        for name in parser.parse_args().models or known:
            start = time.monotonic()
            rows = deploy(project, name)
            wrong = [row for row in rows if row.status != PASSED]
            seconds = time.monotonic() - start
            print(f"{name}: {len(rows) - len(wrong)} of {len(rows)} rows pass, {seconds:.0f} s")
            for row in wrong:
                print(f"  {row.target} {row.variant} on {row.runtime}: {row.reason}")
            sys.stdout.flush()
            failed += bool(wrong) or not rows
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
