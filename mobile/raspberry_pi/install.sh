#!/bin/sh
# Installs what predict.py needs on Raspberry Pi OS 12 or 13, and can start the service:
#
#     ./install.sh              packages, a virtual environment in this folder, a first prediction
#     ./install.sh --service    the same, and a service on port 8600, now and after every boot
#
# It installs only what is missing and can be run again at any time. Afterwards, run the programs
# with ./python in this folder.
set -eu
cd "$(dirname "$0")"

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: Python 3.11 or newer is needed (Raspberry Pi OS 12); this machine has $(python3 --version)" >&2
    exit 2
}
python3 -c 'import numpy, PIL' 2>/dev/null ||
    sudo apt-get install --yes --no-install-recommends python3-numpy python3-pil

python=$(command -v python3)
has_runtime='import importlib.util as i, sys; sys.exit(not any(map(i.find_spec, ("tflite_runtime", "ai_edge_litert"))))'
if ! "$python" -c "$has_runtime"; then
    python="$(pwd)/.venv/bin/python"
    [ -x "$python" ] || python3 -m venv --system-site-packages .venv || {
        sudo apt-get install --yes --no-install-recommends python3-venv
        python3 -m venv --system-site-packages .venv
    }
    # tflite-runtime supports Python up to 3.11 and numpy 1, the versions of Raspberry Pi OS 12.
    runtime=$("$python" -c 'import sys; print("tflite-runtime==2.14.0" if sys.version_info < (3, 12) else "ai-edge-litert==2.3.0")')
    "$python" -c "$has_runtime" || "$python" -m pip install --quiet "$runtime"
fi
printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >python
chmod +x python
./python predict.py --benchmark

if [ "${1:-}" = "--service" ]; then
    sed "s|@FOLDER@|$(pwd)|g; s|@USER@|$(id -un)|g" fanout-classify.service |
        sudo tee /etc/systemd/system/fanout-classify.service >/dev/null
    sudo systemctl daemon-reload
    sudo systemctl enable --now fanout-classify.service
    sudo systemctl --no-pager --lines=0 status fanout-classify.service
fi
