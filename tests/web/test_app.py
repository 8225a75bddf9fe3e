"""The TypeScript side: its types, its unit tests, and the page in a browser."""

import os
import subprocess

import pytest

from pipeline.target import Artifacts
from pipeline.toolchain import NODE, WEB
from web.site_server import serving


@pytest.mark.parametrize(
    "command",
    [
        ["node_modules/typescript/bin/tsc", "--project", "."],
        ["node_modules/vitest/vitest.mjs", "run", "--root", "app"],
    ],
    ids=["types", "units"],
)
def test_typescript(command: list[str]) -> None:
    run = subprocess.run([NODE, *command], cwd=WEB, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_page_in_a_browser(site: Artifacts) -> None:
    with serving(site.folder) as url:
        run = subprocess.run(
            [NODE, "--test", "browser/page.test.ts"],
            cwd=WEB,
            env={**os.environ, "SITE": url},
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
