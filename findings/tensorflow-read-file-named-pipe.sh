#!/usr/bin/env bash
# TensorFlow 2.21.0: tf.io.read_file cannot read a named pipe (FIFO), although the pipe exists for
# tf.io.gfile and Python reads it. The op asks for the file's size by seeking to its end.
# Seen on Linux x86_64, Python 3.11:
#   InvalidArgumentError: ... Illegal seek [Op:ReadFile]
# Whoever feeds a graph from another process has to use a file that is written aside and renamed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "tensorflow==2.21.0"
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" - "$folder/pipe" <<'PYTHON'
import os
import sys
import threading

import tensorflow as tf

path = sys.argv[1]
os.mkfifo(path)


def write() -> None:
    try:
        with open(path, "wb") as pipe:
            pipe.write(b"hello")
    except BrokenPipeError:
        pass  # the reader gave up


assert tf.io.gfile.exists(path)
threading.Thread(target=write, daemon=True).start()
assert open(path, "rb").read() == b"hello", "Python reads the pipe"
threading.Thread(target=write, daemon=True).start()
try:
    content = tf.io.read_file(path).numpy()
except tf.errors.InvalidArgumentError as error:
    assert "Illegal seek" in error.message, error.message
    print("as seen:", error.message.rpartition("; ")[2])
else:
    sys.exit(f"this has changed: read_file returned {content!r}")
PYTHON
