"""The versions that a table belongs to: those of the locks, which the environments have."""

import json
import re
from collections.abc import Iterator

from core.toolchain import ROOT

_PYTHON = {
    "pipeline": ("tensorflow", "keras"),
    "edge": ("tflite-runtime", "ai-edge-litert"),
    "web-converter": ("tensorflowjs", "tensorflow"),
}
_NODE = (
    *("@tensorflow/tfjs-core", "@tensorflow/tfjs-converter", "@tensorflow/tfjs-backend-wasm"),
    *("@tensorflow/tfjs-backend-cpu", "@tensorflow/tfjs-backend-webgl", "@litertjs/core"),
    "@sparticuz/chromium",
)


def versions() -> Iterator[tuple[str, str, str]]:
    """Yields library, version and the lock that says so."""
    for lock, names in _PYTHON.items():
        file = ROOT / "requirements" / f"{lock}.lock"
        locked = dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", file.read_text(), re.MULTILINE))
        for name in names:
            yield name, locked[name], f"requirements/{lock}.lock"
    packages = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    for name in _NODE:
        yield name, packages[f"node_modules/{name}"]["version"], "web/package-lock.json"
