"""The site as an npm package: packed by npm, typed for others, run from where it is unpacked."""

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from core.agreement.target import Artifacts
from core.toolchain import NODE, WEB
from scripts.setup.node import NPM
from tests.web.app.test_app import node
from web.server.site_server import serving
from web.site import stamp

CONSUMER = """
import { type Contract, ENGINES, Runner } from 'tf-fanout-tiny';

const runner: Runner = await Runner.load('./tiny/', { engine: 'litert', weights: 'float32' });
const contract: Contract = runner.contract;
const answer: Float32Array = await runner.predict({ [contract.inputs[0]!.name]: [0, 1] });
console.log(answer[0], ENGINES.length);
// @ts-expect-error there is no such engine
await Runner.load('./tiny/', { engine: 'gpu' });
// @ts-expect-error what it returns are numbers
const text: string = answer[0];
"""


@pytest.fixture(scope="module")
def installed(site: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as npm packs it, unpacked where an installation would put it."""
    folder = tmp_path_factory.mktemp("consumer")
    command = [NODE, NPM, "pack", site.folder, "--pack-destination", folder, "--ignore-scripts"]
    subprocess.run(command, cwd=WEB, check=True, capture_output=True)
    [packed] = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        # What npm has just packed here. The argument ``filter`` is missing in Debian 12's Python.
        archive.extractall(folder)  # noqa: S202
    package = folder / "node_modules" / "tf-fanout-tiny"
    package.parent.mkdir()
    shutil.move(folder / "package", package)
    return package


def test_it_holds_runner_model_and_types_once(installed: Path) -> None:
    names = {file.relative_to(installed).as_posix() for file in installed.rglob("*")}
    wanted = {"package.json", "README.md", "runner.js", "types/runner.d.ts", "model/model.json"}
    assert wanted <= names
    assert not [name for name in names if name.endswith((".br", ".gz"))]
    described = json.loads((installed / "package.json").read_text())
    assert (installed / described["exports"]["."]["default"]).is_file()
    assert (installed / described["exports"]["."]["types"]).is_file()


def test_its_types_are_whole_and_strict(installed: Path) -> None:
    folder = installed.parents[1]
    (folder / "consumer.mts").write_text(CONSUMER)
    options = [
        "--ignoreConfig",
        "--strict",
        "--noUncheckedIndexedAccess",
        "--module",
        "nodenext",
        "--noEmit",
    ]
    options += ["--target", "es2023", "--lib", "es2023,dom", "--types", ""]
    node("node_modules/typescript/bin/tsc", *options, str(folder / "consumer.mts"))


def test_the_readmes_example_runs_from_it(installed: Path) -> None:
    with serving(installed.parents[1]) as url:
        address = f"{url}node_modules/{installed.name}/"
        node("--test", "--test-name-pattern=README", "browser/page.test.ts", SITE=address)


def test_a_release_gives_it_its_version(installed: Path) -> None:
    manifest = {name: name for name in stamp.SHOWN} | {"version": 7}
    texts = stamp.released(installed, manifest)
    assert json.loads(texts["package.json"])["version"] == "7.0.0"
    assert json.loads(texts["released.json"])["version"] == 7
