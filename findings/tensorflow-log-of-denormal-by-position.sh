#!/usr/bin/env bash
# TensorFlow 2.21.0: the logarithm of one and the same tiny number depends on its position in the
# tensor. Of nine times 1e-40, the first eight have -inf and the last -103.97, which is right.
# Kernels run with denormal numbers taken for 0. Eight floats at a time are computed by vector
# instructions, which obey that; what is left over is given to the C library's logf, which looks at
# the bits. So an example's answer changes with its place in the batch. log1p and sign do so too.
# Numbers from 1.2e-38 upwards are not concerned.
# Seen on Linux x86_64 (AVX2), eagerly and in a tf.function: "log -inf x 8, -104;
# log1p 0 x 8, 1e-40; sign 1e-40 x 8, 0; sqrt 0 x 9". No error is raised.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow-cpu==2.21.0"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - <<'PYTHON'
import itertools
import sys

import tensorflow as tf


def rows(numbers):
    """Equal numbers in a row are counted: "0 x 9"."""
    groups = [(f"{key:.3g}", len(list(row))) for key, row in itertools.groupby(numbers)]
    return ", ".join(key if count == 1 else f"{key} x {count}" for key, count in groups)


TINY = tf.fill([9], 1e-40)
seen = "; ".join(
    f"{name} {rows(getattr(tf.math, name)(TINY).numpy())}"
    for name in ("log", "log1p", "sign", "sqrt")
)
print(seen)
traced = rows(tf.function(tf.math.log)(TINY).numpy())
assert traced == "-inf x 8, -104", traced
sys.exit(seen != "log -inf x 8, -104; log1p 0 x 8, 1e-40; sign 1e-40 x 8, 0; sqrt 0 x 9")
PYTHON
