#!/bin/sh
# Prints the path of a Python 3.11 interpreter. Where the machine has none, uv installs one.
# Every environment of the project uses 3.11: tflite-runtime has no wheel for a later one.
set -eu

is_311='import sys; raise SystemExit(sys.version_info[:2] != (3, 11))'
for candidate in "${PYTHON:-}" python3.11 python3 python; do
    if [ -n "$candidate" ] && "$candidate" -c "$is_311" 2>/dev/null; then
        exec "$candidate" -c 'import sys; print(sys._base_executable)'
    fi
done

if command -v uv >/dev/null 2>&1; then
    uv=uv
elif python3 -m pip --version >/dev/null 2>&1; then
    echo "Python 3.11 is not installed: pip installs uv, then uv installs Python 3.11." >&2
    python3 -m pip install --quiet --target .venv-bootstrap --require-hashes \
        -r requirements/tools.lock >&2
    uv=.venv-bootstrap/bin/uv
else
    cat >&2 <<'TEXT'
error: Python 3.11 is needed. This machine has neither it, nor uv, nor a Python with pip to install uv.
  Debian 12:     apt install python3.11 python3-pip
  Ubuntu 24.04:  apt install python3-pip        (uv then installs Python 3.11)
  Ubuntu 22.04:  apt install python3.11 python3-pip
  anywhere:      install uv from https://docs.astral.sh/uv/
TEXT
    exit 1
fi
"$uv" python find 3.11 2>/dev/null || { "$uv" python install 3.11 >&2 && "$uv" python find 3.11; }
