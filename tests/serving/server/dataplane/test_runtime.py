"""TensorFlow as the server imports it."""

import subprocess
import sys

from core.toolchain import ROOT

PROGRAM = """
import sys
from serving.server.dataplane.runtime import tensorflow
tf = tensorflow()
slow = {"keras", "sklearn"} & {name.partition(".")[0] for name in sys.modules}
assert not slow, f"TensorFlow brings in {sorted(slow)}"
assert tf.constant(1).numpy() == 1
assert tf.keras.layers.Dense, "Keras does not work afterwards"
"""


def test_tensorflow_comes_without_keras_which_still_works_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert not done.returncode, done.stderr[-2000:]
