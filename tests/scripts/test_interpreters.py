"""The Python and Node.js that the setup uses."""

import os
import subprocess
import sys

from core.toolchain import NODE, ROOT
from scripts.setup.node import NPM


def said(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_environments_are_made_with_a_python_that_is_in_none_itself() -> None:
    found = said("sh", "scripts/python311.sh", PYTHON=sys.executable)
    code = "import sys; print(sys.version_info[:2], sys.prefix == sys.base_prefix)"
    assert sys.prefix != sys.base_prefix
    assert said(found, "-c", code) == "(3, 11) True"


def test_node_and_npm_are_where_their_wheel_has_them() -> None:
    assert said(NODE, "--version").startswith("v24.")
    assert said(NODE, NPM, "--version")
