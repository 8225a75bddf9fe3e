"""Makes the graph model and the page around it, each by its own tool in a process of its own."""

import os
import subprocess
from pathlib import Path

from pipeline.errors import FanoutError
from pipeline.toolchain import NODE, WEB, WEB_CONVERTER_PYTHON, require

CONVERT_SECONDS = 600
BUILD_SECONDS = 300


class ConversionError(FanoutError):
    """A tool of the web target failed; the message ends with what it said last."""


def graph_model(saved_model: Path, out_dir: Path) -> None:
    """Writes model.json and its weights (float32) from ``serving_default`` of the SavedModel."""
    if not (saved_model / "saved_model.pb").is_file():
        raise ConversionError(f"{saved_model} is no SavedModel: it holds no saved_model.pb")
    script = WEB / "to_graph_model.py"
    # -I: neither the caller's PYTHONPATH nor its folder reaches the other environment.
    python = require(WEB_CONVERTER_PYTHON)
    command: list[str | Path] = [python, "-I", script, saved_model.resolve(), out_dir]
    # Conversion is one graph rewrite; TensorFlow would spend time on finding graphics cards.
    environment = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    _run("tensorflowjs_converter", command, environment, CONVERT_SECONDS)
    if not (out_dir / "model.json").is_file():
        raise ConversionError(f"tensorflowjs_converter wrote no {out_dir / 'model.json'}")


def page(out_dir: Path) -> None:
    """Writes the static site, without model and contract, into an empty or new folder."""
    vite = require(WEB / "node_modules" / "vite" / "bin" / "vite.js")
    command: list[str | Path] = [require(NODE), vite, "build", "--configLoader", "native"]
    command += ["--logLevel", "warn", "--outDir", out_dir.resolve(), "--emptyOutDir"]
    _run("vite", command, {"NODE_ENV": "production"}, BUILD_SECONDS)


def _run(name: str, command: list[str | Path], environment: dict[str, str], seconds: float) -> None:
    try:
        run = subprocess.run(
            command,
            cwd=WEB,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConversionError(f"{name} took more than {seconds:.0f} s") from error
    if run.returncode:
        said = "\n".join((run.stderr or run.stdout).strip().splitlines()[-8:])
        raise ConversionError(f"{name} failed with code {run.returncode}: {said}")
