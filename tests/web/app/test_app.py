"""The TypeScript side: its types, its unit tests, and the page in a browser."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from core.agreement.target import Artifacts
from core.toolchain import NODE, ROOT, WEB
from tests.web.conftest import SPEC
from web.server.site_server import serving
from web.site import offline


def node(*command: str, **environment: str) -> None:
    """Runs a command of web/ and shows what it said when it fails."""
    run = subprocess.run(
        [NODE, *command],
        cwd=WEB,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("project", [".", "app/worker"])
def test_types(project: str) -> None:
    node("node_modules/typescript/bin/tsc", "--project", project)


def test_units() -> None:
    node("node_modules/vitest/vitest.mjs", "run")


@pytest.mark.parametrize("purpose", ["page", "pictures", "engines", "faults"])
def test_the_page_in_a_browser(site: Artifacts, purpose: str) -> None:
    with serving(site.folder) as url:
        node("--test", f"browser/{purpose}.test.ts", SITE=url)


def test_a_promotion_during_a_visit(site: Artifacts, tmp_path: Path) -> None:
    for version in (1, 2):
        folder = tmp_path / str(version)
        shutil.copytree(site.folder, folder)
        for name in ("contract.json", "released.json"):
            described = json.loads((folder / name).read_text())
            (folder / name).write_text(json.dumps({**described, "version": version}))
    # The second release has other samples, and another model as far as its bytes tell.
    golden = json.loads((tmp_path / "2" / "golden.json").read_text())
    golden["examples"] = golden["examples"][:3]
    (tmp_path / "2" / "golden.json").write_text(json.dumps(golden))
    for model in (tmp_path / "2" / "model").rglob("model.json"):
        model.write_text(model.read_text() + "\n")
    offline.seal(tmp_path / "2", SPEC)
    current = tmp_path / "current"
    current.symlink_to("1")
    with serving(current) as url:
        node("--test", "browser/update.test.ts", SITE=url, CURRENT=str(current), NEXT="2")


def test_screenshots_of_the_page(site: Artifacts) -> None:
    folder = ROOT / "build" / "screenshots"
    shutil.rmtree(folder, ignore_errors=True)
    with serving(site.folder) as url:
        node("browser/screenshots.ts", url, str(folder))
    pictures = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert sorted(pictures) == [
        f"{screen}-{colours}.png"
        for screen in ("desktop", "phone")
        for colours in ("dark", "light")
    ]
    assert len(set(pictures.values())) == 4
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())


def test_lighthouse(site: Artifacts) -> None:
    with serving(site.folder) as url:
        node("--test", "audit/lighthouse.test.ts", SITE=url)
