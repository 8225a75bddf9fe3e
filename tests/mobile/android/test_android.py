"""The Android app: it compiles, its tests pass, and its classifier answers as the SavedModel."""

import json
import re
import shutil
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from core.agreement.golden import Golden
from core.agreement.target import Artifacts
from mobile.android import jvm_check
from mobile.android.jvm_check import CheckFailedError, Libraries, MissingToolError
from models.contract import contract
from tests.golden import classes_golden
from tests.mobile.conftest import Sample
from tests.mobile.odd_pictures import write_bad, write_good
from tests.mobile.roles import ALL_ROLES, Release

ROLES = sorted({output.role for output in ALL_ROLES})
VARIANTS = ("dynamic", "float16", "float32", "int8", "int8_uint8")


def write_release(folder: Path, converted: Artifacts, sample: Sample, golden: Golden) -> Path:
    shutil.copytree(converted.folder, folder / "mobile")
    (folder / "contract.json").write_text(json.dumps(contract(sample.spec, version=1)))
    text = golden.to_json(model="fashion", version=1)
    (folder / "golden.json").write_text(text)
    return folder


def write_pictures(folder: Path, sample: Sample, golden: Golden) -> Path:
    """Writes odd picture files with what the app must make of each."""
    folder.mkdir()
    label = sample.spec.labels[int(golden.outputs["probabilities"][5].argmax())]
    grey = Image.fromarray(golden.inputs["image"][5][:, :, 0].astype(np.uint8))
    expected: dict[str, str | None] = {file.name: None for file in write_bad(folder)}
    expected |= {file.name: label for file in write_good(folder, grey)}
    (folder / "expected.json").write_text(json.dumps(expected))
    return folder


def write_decisions(release: Release) -> None:
    """Writes what the SavedModel's answers decide, by the head's name, for each example."""
    golden = release.golden
    decided = {head.name: head.truth(golden.outputs).tolist() for head in golden.heads}
    (release.folder / "expected.json").write_text(json.dumps(decided))


@pytest.fixture(scope="module")
def libraries() -> Libraries:
    """The fetched libraries, with the app and its tests compiled."""
    try:
        libraries = jvm_check.fetch()
        jvm_check.compile_all(libraries)
    except MissingToolError as error:
        pytest.skip(f"the Android app cannot be compiled here: {error}")
    return libraries


def test_the_app_compiles_and_every_variant_answers_as_the_saved_model(
    libraries: Libraries,
    converted: Artifacts,
    sample: Sample,
    all_roles: Release,
    tmp_path: Path,
) -> None:
    golden = sample.golden.spread(16)
    release = write_release(tmp_path / "release", converted, sample, golden)
    pictures = write_pictures(tmp_path / "pictures", sample, golden)
    write_decisions(all_roles)
    printed = jvm_check.run_tests(libraries, release, pictures, all_roles.folder)
    assert re.search(r"OK \(\d\d tests\)", printed)
    compared = re.findall(r"fashion\.(\w+)\.tflite: 16 examples of 1 outputs", printed)
    assert tuple(compared) == VARIANTS
    for file, message in {
        "empty.png": "the picture's file is empty",
        "text.png": "this is not a picture that can be read",
        "truncated.png": "this is not a picture that can be read",
        "huge.png": "20000 × 20000 pixels are too many; at most 250000000 are allowed",
    }.items():
        assert f"{file}: {message}\n" in printed
    assert (jvm_check.WORK / "app-classes" / "fanout" / "MainActivity.class").is_file()


def test_a_release_of_any_roles_is_checked(
    libraries: Libraries, all_roles: Release, tmp_path: Path
) -> None:
    shutil.copytree(all_roles.folder / "mobile", tmp_path / "mobile")
    for names, count in ((ROLES, 9), (("regression", "embedding"), 2)):
        contract = all_roles.of_roles(*names)
        for name in ("contract.json", "golden.json"):
            shutil.copy2(contract.with_name(name), tmp_path)
        printed = jvm_check.run_tests(libraries, tmp_path)
        assert f"float32.tflite: 16 examples of {count} outputs, " in printed
        assert printed.count("16 examples") == 3


def test_a_model_that_answers_otherwise_is_caught(
    libraries: Libraries, converted: Artifacts, sample: Sample, tmp_path: Path
) -> None:
    golden = sample.golden.spread(16)
    wrong = classes_golden(
        golden.inputs,
        golden.truths["probabilities"],
        np.roll(golden.outputs["probabilities"], 1, axis=1),
    )
    release = write_release(tmp_path / "release", converted, sample, wrong)
    with pytest.raises(CheckFailedError, match=r"fashion\.dynamic\.tflite differs by"):
        jvm_check.run_tests(libraries, release)


def test_a_missing_tool_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match=r"Maven is not installed here \(mvn"):
        jvm_check.fetch()


def test_the_check_compiles_against_the_versions_that_gradle_builds_with() -> None:
    catalogue = tomllib.loads((jvm_check.HERE / "gradle" / "libs.versions.toml").read_text())
    versions = catalogue["versions"]
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    project = ElementTree.parse(jvm_check.HERE / "pom.xml")  # noqa: S314 - the project's own file
    fetched = {
        found.findtext("m:artifactId", namespaces=space): found.findtext(
            "m:version", namespaces=space
        )
        for found in project.iterfind("m:dependencies/m:dependency", space)
    }
    assert fetched["kotlin-compiler-embeddable"] == versions["kotlin"]
    assert fetched["tensorflow-lite"] == versions["tensorflow-lite"]
    assert fetched["tensorflow-lite-metadata"] == versions["tensorflow-lite-metadata"]
    assert fetched["junit"] == versions["junit"]
    # Robolectric numbers its jars by Android's release: 14 is API 34.
    assert str(fetched["android-all"]).startswith("14-")
    assert versions["compile-sdk"] == "34"
