"""Exported SavedModels are the same to the last byte."""

import json
import subprocess
import sys
from pathlib import Path

from core.toolchain import ROOT

PROGRAM = """
import json, sys
from pathlib import Path
import keras, numpy
from core.files import sha256
from models.fashion import network
from models.spec import load
from pipeline.training.export import export
keras.utils.set_random_seed(5)
network.CONVOLUTIONS = ((4, 4, 2), (4, 3, 1))
statistics = {"image_mean": numpy.float32(70), "image_variance": numpy.float32(8100)}
folder = Path(sys.argv[1])
export(network.build(statistics, {}), load("fashion"), folder)
files = sorted(file for file in folder.rglob("*") if file.is_file())
print(json.dumps({str(file.relative_to(folder)): sha256(file) for file in files}))
"""


def exported(folder: Path) -> dict[str, str]:
    """Returns the digests of a SavedModel's files, made in a separate process."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not done.returncode, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_same_model_makes_the_same_files(tmp_path: Path) -> None:
    first, second = exported(tmp_path / "first"), exported(tmp_path / "second")
    assert {"saved_model.pb", "fingerprint.pb"} < first.keys()
    # TensorFlow names each SavedModel by a random number, and keeps variables in any order.
    assert first == second
