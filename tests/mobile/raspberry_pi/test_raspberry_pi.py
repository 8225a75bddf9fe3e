"""The folder for a Raspberry Pi: in the edge environment, and on an emulated Debian arm64."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.agreement.target import Artifacts
from core.errors import UserError
from mobile.raspberry_pi.bundle import FILES, bundle
from models.contract import contract
from tests.mobile.conftest import Sample
from tests.mobile.odd_pictures import write_bad, write_good
from tests.mobile.raspberry_pi.emulated_pi import RUNTIMES, EmulatedPi, emulated_pi
from tests.mobile.raspberry_pi.program import lines_of, request, run, served

COUNT = 200


@pytest.fixture(scope="module")
def release(converted: Artifacts, sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    shutil.copytree(converted.folder, folder / "mobile")
    (folder / "contract.json").write_text(json.dumps(contract(sample.spec, version=1)))
    return folder


def bundled(release: Path, folder: Path, variant: str) -> Path:
    bundle(release / "mobile" / f"fashion.{variant}.tflite", release / "contract.json", folder)
    return folder


@pytest.fixture
def folder(release: Path, tmp_path: Path) -> Path:
    return bundled(release, tmp_path / "fanout", "float32")


@pytest.fixture(scope="module")
def pictures(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden set as PNG files, whose pixels are the raw inputs exactly."""
    folder = tmp_path_factory.mktemp("pictures")
    for row, image in enumerate(sample.golden.inputs["image"][:COUNT]):
        Image.fromarray(image[:, :, 0].astype(np.uint8)).save(folder / f"{row:04}.png")
    return folder


def probabilities(output: str) -> Any:
    return np.array([json.loads(line)["probabilities"] for line in output.splitlines()])


def test_a_folder_of_pictures_answers_as_the_saved_model(
    folder: Path, only_pillow: Path, pictures: Path, sample: Sample
) -> None:
    done = run(folder, pictures, "--json", pillow=only_pillow)
    assert (done.returncode, done.stdout.count("\n")) == (0, COUNT), done.stderr
    expected = sample.golden.outputs["probabilities"][:COUNT]
    np.testing.assert_allclose(probabilities(done.stdout), expected, atol=1e-5)


def test_lines_for_people(folder: Path, only_pillow: Path, pictures: Path, sample: Sample) -> None:
    done = run(folder, pictures / "0003.png", "--top", "2", pillow=only_pillow)
    label = sample.spec.labels[3]
    assert re.search(rf"0003\.png: {label} \d+\.\d%, .+ \d+\.\d% \(\d+\.\d ms\)$", done.stdout)


def test_the_former_name_takes_the_same_options_and_prints_the_same_fields(
    folder: Path, only_pillow: Path, pictures: Path, sample: Sample
) -> None:
    named = [pictures / "0003.png", "--json", "--top", "2", "--threads", "2"]
    (row,) = lines_of(run(folder, *named, pillow=only_pillow, program="classify.py"))
    assert (row["picture"], row["label"]) == (str(pictures / "0003.png"), sample.spec.labels[3])
    assert len(row["probabilities"]) == 10 and row["ms"] > 0


def test_benchmark(folder: Path) -> None:
    done = run(folder, "--benchmark", pillow=None)
    assert done.returncode == 0, done.stderr
    assert re.match(r"tflite_runtime: \d+\.\d+ ms \(p50\), ", done.stdout)
    # Without it, it would take up to 1.5 times as long.
    assert "Created TensorFlow Lite XNNPACK delegate" in done.stderr


def test_arrays_need_no_pillow(folder: Path, sample: Sample, tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", sample.golden.inputs["image"][0])
    done = run(folder, tmp_path / "one.npy", "--json", pillow=None)
    np.testing.assert_allclose(
        probabilities(done.stdout)[0], sample.golden.outputs["probabilities"][0], atol=1e-5
    )


def test_bad_pictures_get_one_line_each_and_the_others_are_classified(
    folder: Path, only_pillow: Path, pictures: Path, tmp_path: Path
) -> None:
    write_bad(tmp_path)
    np.save(tmp_path / "array.npy", np.zeros((5, 5, 1)))
    done = run(folder, tmp_path, pictures / "0000.png", pillow=only_pillow)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("INFO:")]
    told = {Path(line.partition(": ")[0]).name: line.partition(": ")[2] for line in lines}
    assert len(lines) == len(told) == 5
    for name, message in {
        "empty.png": "it is empty",
        "text.png": "it is not a picture that can be read",
        "truncated.png": "it is not a picture that can be read",
        "huge.png": "20000 × 20000 pixels are too many; at most 50,000,000 are allowed",
        "array.npy": r"its shape is \(5, 5, 1\), but the model takes \(28, 28, 1\)",
    }.items():
        assert re.match(message, told[name]), told[name]


def test_pictures_of_other_kinds_are_converted(
    folder: Path, only_pillow: Path, pictures: Path, tmp_path: Path, sample: Sample
) -> None:
    with Image.open(pictures / "0005.png") as source:
        files = write_good(tmp_path, source.copy())
    done = run(folder, *files, "--json", pillow=only_pillow)
    assert done.returncode == 0, done.stderr
    by_name = {json.loads(line)["picture"]: json.loads(line) for line in done.stdout.splitlines()}
    assert len(by_name) == len(files)
    for file in files:
        found = np.array(by_name[str(file)]["probabilities"])
        assert found.argmax() == sample.golden.outputs["probabilities"][5].argmax(), file.name
        # JPEG loses something of every picture.
        if file.suffix != ".jpg":
            expected = sample.golden.outputs["probabilities"][5]
            np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=file.name)


@pytest.mark.parametrize("damage", ["truncated", "missing", "other", "contract", "incomplete"])
def test_a_damaged_folder_is_one_line_and_never_a_crash(
    folder: Path, only_pillow: Path, pictures: Path, damage: str
) -> None:
    model = folder / "fashion.float32.tflite"
    match damage:
        case "truncated":
            os.truncate(model, model.stat().st_size // 10)
        case "missing":
            model.unlink()
        case "other":
            model.write_bytes(b"\0" * 100)
        case "contract":
            (folder / "contract.json").write_text('{"labels"')
        case "incomplete":
            (folder / "contract.json").write_text('{"labels": []}')
    done = run(folder, pictures / "0000.png", pillow=only_pillow)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"error: .*(damaged|cannot be read).*\n", done.stderr)


def test_bundling_a_damaged_or_missing_model_is_refused(release: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "fashion.int8.tflite"
    damaged.write_bytes((release / "mobile" / damaged.name).read_bytes()[:200])
    with pytest.raises(UserError, match="damaged or truncated"):
        bundle(damaged, release / "contract.json", tmp_path / "out")
    model = release / "mobile" / damaged.name
    with pytest.raises(UserError, match="name a release's folder"):
        bundle(model, tmp_path / "contract.json", tmp_path / "out")


def test_the_scripts_are_valid(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {
        *FILES,
        "contract.json",
        "model.json",
        "fashion.float32.tflite",
    }
    subprocess.run(["sh", "-n", folder / "install.sh"], check=True)
    assert os.access(folder / "install.sh", os.X_OK)
    unit = (folder / "fanout-classify.service").read_text()
    assert "@FOLDER@" in unit and "@USER@" in unit


@pytest.fixture
def port(folder: Path, only_pillow: Path) -> Iterator[int]:
    with served(folder, only_pillow) as port:
        yield port


def test_the_service_answers_and_bounds_what_it_takes(
    port: int, pictures: Path, sample: Sample
) -> None:
    status, answer = request(port, "POST", (pictures / "0004.png").read_bytes())
    assert status == 200
    assert (
        answer["label"]
        == sample.spec.labels[int(sample.golden.outputs["probabilities"][4].argmax())]
    )
    found = list(answer["probabilities"].values())
    np.testing.assert_allclose(found, sample.golden.outputs["probabilities"][4], atol=1e-5)
    assert request(port, "POST", b"no picture")[0] == 400
    assert request(port, "POST", b"x", length=1 << 40)[0] == 413
    assert answer["outputs"]["probabilities"] == found
    assert answer["answers"]["probabilities"]["label"] == answer["label"]
    told = request(port, "GET")[1]
    assert told["labels"] == list(sample.spec.labels)
    assert [output["role"] for output in told["outputs"]] == ["classification"]


@pytest.fixture(scope="module")
def pi() -> EmulatedPi:
    return emulated_pi()


# Every variant's program in one process: most of an emulated program's time is importing numpy.
RUN_ALL = """
import contextlib, pathlib, runpy, sys
for folder in sorted(pathlib.Path(".").resolve().iterdir()):
    sys.argv = ["predict.py", sys.argv[1], "--json", "--threads", "1"]
    sys.path.insert(0, str(folder))  # as for a program that is run by its name
    with (folder / "answers").open("w") as stream, contextlib.redirect_stdout(stream):
        try:
            runpy.run_path(str(folder / "predict.py"), run_name="__main__")
        except SystemExit as end:
            print(folder.name, end.code, file=sys.stderr)
    # The next folder's program has files of the same names.
    for file in folder.glob("*.py"):
        sys.modules.pop(file.stem, None)
    sys.path.remove(str(folder))
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_variant_answers_on_the_emulated_pi(
    runtime: str, pi: EmulatedPi, release: Path, pictures: Path, sample: Sample, tmp_path: Path
) -> None:
    tolerances = {"float32": 1e-5, "float16": 5e-3, "dynamic": 0.1, "int8": 0.1, "int8_uint8": 0.1}
    for variant in tolerances:
        bundled(release, tmp_path / "variants" / variant, variant)
    done = pi.python("-c", RUN_ALL, pictures, cwd=tmp_path / "variants", runtime=runtime)
    # Other lines are the libraries' own: where /sys is missing, one complains of it.
    ended = [line for line in done.stderr.splitlines() if line.partition(" ")[0] in tolerances]
    assert ended == [f"{variant} 0" for variant in sorted(tolerances)]
    expected = sample.golden.outputs["probabilities"][:COUNT]
    for variant, tolerance in tolerances.items():
        found = probabilities((tmp_path / "variants" / variant / "answers").read_text())
        assert len(found) == COUNT
        np.testing.assert_allclose(found, expected, atol=tolerance, err_msg=variant)
        assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) >= 0.98, variant


def test_the_emulated_pi_is_one(pi: EmulatedPi, tmp_path: Path) -> None:
    code = "import platform, numpy, PIL; print(platform.machine(), numpy.__version__)"
    done = pi.python("-c", code, cwd=tmp_path, runtime=RUNTIMES[0])
    assert done.stdout.split()[0] == "aarch64", done.stderr
    assert done.stdout.split()[1].startswith("1.24"), "Debian 12's own numpy"
