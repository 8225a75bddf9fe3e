"""``make deploy-pi`` over a real sshd: copied, installed, asked, compared; and what goes wrong."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mobile.target
from core.agreement.checks import FAILED, PASSED, Check
from core.agreement.golden import Golden
from core.agreement.target import Artifacts, ConvertConfig
from core.errors import UserError
from core.toolchain import EDGE_PYTHON, ROOT
from models.contract import contract
from models.spec import load
from pipeline.commands import deploy_pi
from pipeline.commands.deploy_pi import connected
from pipeline.training.export import export
from tests.golden import classes_golden
from tests.mobile.conftest import EXACT, Sample
from tests.mobile.raspberry_pi.ssh_server import ssh_server
from tests.mobile.roles import EXAMPLES, Release


@pytest.fixture(scope="module")
def server(only_pillow: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What stands for a Pi: its Python has the edge runtimes, and Pillow as Debian's would."""
    folder = tmp_path_factory.mktemp("pi")
    programs = folder / "bin"
    programs.mkdir()
    (programs / "python3").write_text(f'#!/bin/sh\nexec {EDGE_PYTHON} "$@"\n')
    (programs / "python3").chmod(0o755)
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "PYTHONPATH": str(only_pillow)}
    with ssh_server(folder, environment) as config:
        yield config


@pytest.fixture(scope="module")
def release(converted: Artifacts, sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copytree(converted.folder, folder / "mobile")
    (folder / "contract.json").write_text(json.dumps(contract(sample.spec, version=1)))
    write_golden(folder, sample.golden.spread(16))
    return folder


def write_golden(release: Path, golden: Golden) -> None:
    text = golden.to_json(model="fashion", version=1)
    (release / "golden.json").write_text(text)


def deploy(
    release: Path, config: Path, folder: Path, *more: str
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipeline.commands.deploy_pi", "--host", "pi", *more]
    options = ["--release", release, "--ssh-config", config, "--folder", folder]
    return subprocess.run(
        [*command, *options],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "COLUMNS": "140"},
    )


def test_the_model_is_copied_installed_and_answers_as_the_saved_model(
    release: Path, server: Path, tmp_path: Path
) -> None:
    done = deploy(release, server, tmp_path / "with space")
    assert done.returncode == 0, done.stderr
    assert re.search(r"mobile.*int8.*pi.*16.*passed", done.stdout)
    left = {file.name for file in (tmp_path / "with space").iterdir()} - {"__pycache__"}
    assert left >= {"predict.py", "contract.json", "fashion.int8.tflite", "python", "serve.py"}
    assert "smoke" not in left and ".venv" not in left, "nothing was missing"


def test_a_table_is_sent_as_rows(server: Path, tmp_path: Path) -> None:
    penguins = table_release(tmp_path / "release")
    done = deploy(penguins, server, tmp_path / "pi")
    assert done.returncode == 0, done.stderr
    assert re.search(r"mobile.*float32.*pi.*16.*passed", done.stdout)


def table_release(folder: Path) -> Path:
    """Returns a release of the penguins' network, untrained, with values and texts missing."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(3)
    spec = load("penguins")
    columns = spec.module("columns").COLUMNS
    learnt = {name: np.float32(100) for name in columns.statistics}
    learnt |= {name: np.array([b"Biscoe", b"Dream", b"male"]) for name in columns.vocabularies}
    profile = spec.profile("quick")
    export(spec.module("network").build(learnt, profile.hyperparameters), spec, folder / "model")
    random = np.random.default_rng(4)
    inputs = {
        tensor.name: random.choice(["", "Dream", "male", "Île"], 16)
        if tensor.dtype == "string"
        else random.choice([-1, 40, 190], 16).astype(np.float32)
        for tensor in spec.inputs
    }
    signature = tf.saved_model.load(str(folder / "model")).signatures["serving_default"]
    answers = signature(**{name: tf.constant(values) for name, values in inputs.items()})
    outputs = answers["probabilities"].numpy()
    golden = classes_golden(inputs, outputs.argmax(axis=1), outputs)
    limited = replace(spec, limits={"mobile": {"float32": spec.limits["mobile"]["float32"]}})
    config = ConvertConfig(folder / "no examples", folder / "no golden")
    mobile.target.convert(folder / "model", folder / "mobile", spec=limited, config=config)
    (folder / "contract.json").write_text(json.dumps(contract(spec, version=1)))
    text = golden.to_json(model="penguins", version=1)
    (folder / "golden.json").write_text(text)
    return folder


def test_other_answers_than_the_saved_models_are_a_failed_row(
    release: Path, server: Path, sample: Sample, tmp_path: Path
) -> None:
    wrong = tmp_path / "release"
    shutil.copytree(release, wrong)
    golden = sample.golden.spread(16)
    write_golden(
        wrong,
        classes_golden(
            golden.inputs,
            golden.truths["probabilities"],
            np.roll(golden.outputs["probabilities"], 1, axis=1),
        ),
    )
    done = deploy(wrong, server, tmp_path / "pi", "--variant", "float32")
    assert done.returncode == 1
    assert "failed" in done.stdout and "agreement 0.0" in done.stdout


@pytest.mark.parametrize("made", ["all_roles", "mixed_inputs"])
def test_every_output_is_compared(
    made: str,
    request: pytest.FixtureRequest,
    server: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release: Release = request.getfixturevalue(made)
    spec = replace(release.spec, limits={"mobile": {"float32": EXACT}})
    # A model of the tests has no folder below models/.
    monkeypatch.setattr(deploy_pi, "load", {spec.name: spec}.__getitem__)

    def row(folder: Path) -> Check:
        with connected("pi", server) as pi:
            place = str(tmp_path / "pi")
            return deploy_pi.deploy(pi, folder, variant="float32", folder=place, service=False)

    found = row(release.folder)
    assert (found.status, found.reason, found.examples) == (PASSED, "", EXAMPLES)
    other = tmp_path / "other"
    shutil.copytree(release.folder, other)
    golden = json.loads((other / "golden.json").read_text())
    last = release.spec.outputs[-1].name
    for example in golden["examples"]:
        example["outputs"][last] = (np.array(example["outputs"][last]) + 9).tolist()
    (other / "golden.json").write_text(json.dumps(golden))
    found = row(other)
    assert found.status == FAILED and f"agreement of the output {last!r} 0.0" in found.reason


def test_what_goes_wrong_is_one_line(release: Path, server: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for done, message in (
        (deploy(release, server, tmp_path / "file" / "x"), "pi failed there: .*Not a directory"),
        (deploy(release, server, tmp_path, "--host", "nobody.invalid"), "cannot be reached: "),
        (deploy(release, server, tmp_path, "--host=-oProxyCommand=x"), "HOST must be like pi@"),
        (deploy(release, server, tmp_path, "--variant", "int4"), "has no int4 model; it has: dyn"),
    ):
        assert done.returncode != 0
        assert re.fullmatch(rf"error: .*{message}.*\n", done.stderr), done.stderr


@pytest.mark.parametrize("host", ["", "a b", "pi@", "x;y", "$(x)"])
def test_only_a_hosts_name_is_taken(host: str) -> None:
    with pytest.raises(UserError, match="HOST must be like"), connected(host):
        pass
