#!/bin/sh
# Installs what classify.py needs on Raspberry Pi OS 12 or 13 and starts the service:
#
#     ./install.sh              packages, a virtual environment in this folder, a first prediction
#     ./install.sh --service    the same, and classify pictures on port 8600 from every boot on
#
# It can be run again at any time.
set -eu
cd "$(dirname "$0")"

python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: Python 3.11 or newer is needed (Raspberry Pi OS 12); here is $(python3 --version)" >&2
    exit 2
}
sudo apt-get install --yes --no-install-recommends python3-numpy python3-pil python3-venv

# tflite-runtime ends with Python 3.11 and numpy 1, which are those of Raspberry Pi OS 12.
runtime=$(python3 -c 'import sys; print("tflite-runtime==2.14.0" if sys.version_info < (3, 12) else "ai-edge-litert==2.3.0")')
[ -x .venv/bin/python ] || python3 -m venv --system-site-packages .venv
.venv/bin/python -m pip install --quiet "$runtime"
.venv/bin/python classify.py --benchmark

if [ "${1:-}" = "--service" ]; then
    sed "s|@FOLDER@|$(pwd)|g; s|@USER@|$(id -un)|g" fanout-classify.service |
        sudo tee /etc/systemd/system/fanout-classify.service >/dev/null
    sudo systemctl daemon-reload
    sudo systemctl enable --now fanout-classify.service
    sudo systemctl --no-pager --lines=0 status fanout-classify.service
fi
