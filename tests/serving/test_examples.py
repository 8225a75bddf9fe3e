"""The curl commands of a release, run against a real server; the same requests without curl."""

import dataclasses
import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement.golden import Golden
from models import spec as specs
from models.spec import ModelSpec, Tensor
from serving import embedded, examples
from serving.embedded import Address
from tests.golden import classes_golden

VERSION = 7


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return specs.load("fashion")


@pytest.fixture(scope="module")
def golden(weights: np.ndarray) -> Golden:
    images = np.random.default_rng(2).integers(0, 256, (4, 4, 4, 1)).astype(np.float32)
    exponents = np.exp((images.reshape(-1, 16) / 255) @ weights)
    outputs = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
    return classes_golden({"image": images}, outputs.argmax(axis=1), outputs)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory, spec: ModelSpec, golden: Golden) -> Path:
    folder = tmp_path_factory.mktemp("release")
    return examples.write(folder, spec=spec, golden=golden, version=VERSION)


@pytest.fixture(scope="module")
def pictures(
    tmp_path_factory: pytest.TempPathFactory, spec: ModelSpec, classifier: Path
) -> Iterator[Address]:
    base = tmp_path_factory.mktemp("pictures")
    (base / str(VERSION)).symlink_to(classifier)
    with embedded.running(spec.name, base) as address:
        yield address


def assert_right(answers: list[object], golden: Golden) -> None:
    for answer in answers:
        found = np.array(answer, np.float32)
        np.testing.assert_allclose(
            found, golden.outputs["probabilities"][: examples.EXAMPLES], atol=1e-5
        )


def documents(text: str) -> list[Any]:
    """Returns the JSON documents that a text consists of."""
    found = []
    while text := text.strip():
        value, end = json.JSONDecoder().raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed: apt-get install curl")
def test_curl(script: Path, pictures: Address, golden: Golden) -> None:
    done = subprocess.run(
        ["sh", str(script), pictures.rest], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    status, *answers = documents(done.stdout)
    assert status["model_version_status"][0]["state"] == "AVAILABLE"
    assert len(answers) == 5
    assert_right([next(iter(answer.values())) for answer in answers], golden)


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed: apt-get install curl")
def test_curl_says_when_nobody_answers(script: Path) -> None:
    (port,) = embedded.free_ports(1)
    url = f"http://127.0.0.1:{port}"
    done = subprocess.run(["sh", str(script), url], capture_output=True, timeout=300, check=False)
    assert done.returncode != 0


def test_the_same_without_curl(
    script: Path, pictures: Address, golden: Golden, spec: ModelSpec
) -> None:
    connection = http.client.HTTPConnection(pictures.host, pictures.rest_port, timeout=120)
    answers = []
    for name, key in (
        (examples.ROWS, "predictions"),
        (examples.COLUMNS, "outputs"),
        (examples.ENCODED, "predictions"),
    ):
        body = (script.parent / name).read_bytes()
        connection.request("POST", f"/v1/models/{spec.name}:predict", body)
        answers.append(json.loads(connection.getresponse().read())[key])
    connection.close()
    assert_right(answers, golden)


def test_several_inputs_are_sent_by_name(tmp_path: Path, spec: ModelSpec) -> None:
    names = ("a", "b")
    tensors = tuple(Tensor(name, "float32", (), name) for name in names)
    several = dataclasses.replace(spec, name="m", inputs=tensors, encoded_input=None)
    inputs = {name: np.arange(3, dtype=np.float32) for name in names}
    golden = classes_golden(inputs, np.zeros(3, np.int64), np.ones((3, 1), np.float32))
    script = examples.write(tmp_path, spec=several, golden=golden, version=1)
    rows = json.loads((script.parent / examples.ROWS).read_text())
    assert rows == {"instances": [{"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}]}
    columns = json.loads((script.parent / examples.COLUMNS).read_text())
    assert columns == {"inputs": {"a": [0.0, 1.0], "b": [0.0, 1.0]}}
    assert not (script.parent / examples.ENCODED).exists()
    assert examples.ENCODED not in script.read_text()
