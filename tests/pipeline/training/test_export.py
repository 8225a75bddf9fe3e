"""Exported SavedModels are the same to the last byte."""

import json
import os
import subprocess
import sys
from pathlib import Path

from core.toolchain import ROOT
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
