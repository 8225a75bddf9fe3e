"""Exported SavedModels are the same to the last byte, and have all outputs."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from core.errors import UserError
from core.toolchain import ROOT
from models.spec import Tensor, load
from pipeline.training.export import export
from tests.warm import Warm, code, without_tfx

PROGRAM = """
import json
from pathlib import Path
import keras, numpy
from core.files import sha256
from models.fashion import network
from models.spec import load
from pipeline.training.export import export
keras.utils.set_random_seed(5)
network.CONVOLUTIONS = ((4, 4, 2), (4, 3, 1))
statistics = {{"image_mean": numpy.float32(70), "image_variance": numpy.float32(8100)}}
folder = Path({folder!r})
export(network.build(statistics, {{}}), load("fashion"), folder)
files = sorted(file for file in folder.rglob("*") if file.is_file())
print(json.dumps({{str(file.relative_to(folder)): sha256(file) for file in files}}))
"""


def test_the_same_model_makes_the_same_files(tmp_path: Path, warm: Warm) -> None:
    # Two processes of which each hashes in its own way: a new one, and a fork of another.
    one, other = (PROGRAM.format(folder=str(tmp_path / name)) for name in ("first", "second"))
    made = [
        subprocess.run(
            [sys.executable, "-c", one],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
        ),
        warm.run(without_tfx(code(other)), os.environ),
    ]
    for process in made:
        assert not process.returncode, process.stderr[-2000:]
    first, second = (json.loads(process.stdout) for process in made)
    assert {"saved_model.pb", "fingerprint.pb"} < first.keys()
    # TensorFlow names each SavedModel by a random number, and keeps variables in any order.
    assert first == second


@pytest.mark.parametrize("form", [dict, list, tuple])
def test_all_outputs_of_the_spec_are_in_every_signature(form: type, tmp_path: Path) -> None:
    spec = replace(
        load("fashion"),
        # In another order than the names'.
        outputs=(
            Tensor("probabilities", "float32", (10,), ""),
            Tensor("hidden", "float32", (3,), ""),
        ),
    )
    export(two_outputs(form), spec, tmp_path)
    signatures = tf.saved_model.load(str(tmp_path)).signatures
    image = np.random.default_rng(0).uniform(0, 255, (2, 28, 28, 1)).astype(np.float32)
    answer = signatures["serving_default"](image=tf.constant(image))
    assert {name: tuple(values.shape) for name, values in answer.items()} == {
        "probabilities": (2, 10),
        "hidden": (2, 3),
    }
    assert {values.dtype for values in answer.values()} == {tf.float32}
    for signature in signatures.values():
        assert set(signature.structured_outputs) == {"probabilities", "hidden"}


def test_other_outputs_than_the_spec_says_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"of its spec, \['probabilities'\].* got 2 unnamed"):
        export(two_outputs(list), load("fashion"), tmp_path)
    lacking = replace(load("fashion"), outputs=(Tensor("scores", "float32", (10,), ""),))
    with pytest.raises(UserError, match=r"\['scores'\].* got \['hidden', 'probabilities'\]"):
        export(two_outputs(dict), lacking, tmp_path)


def two_outputs(form: type) -> Any:
    """Returns a network with a float16 output that does not come from a layer."""
    image = keras.Input((28, 28, 1), name="image")
    flat = keras.layers.Flatten()(image)
    outputs = {
        "probabilities": keras.layers.Dense(10, activation="softmax")(flat),
        "hidden": keras.ops.cast(keras.layers.Dense(3)(flat), "float16"),
    }
    return keras.Model({"image": image}, outputs if form is dict else form(outputs.values()))
