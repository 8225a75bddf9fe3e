"""Makes the graph model and the page around it, each by its own tool in a process of its own."""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.errors import FanoutError
from core.toolchain import NODE, WEB, WEB_CONVERTER_PYTHON, require
from web.conversion.graph_model import GraphModel
from web.conversion.residuals import separated
from web.conversion.weights import FORMS, Examples

CONVERT_SECONDS = 600
BUILD_SECONDS = 300


class ConversionError(FanoutError):
    """A tool of the web target failed; the message ends with what it said last."""


def require_saved_model(folder: Path) -> None:
    """Raises ConversionError when it is none."""
    if not (folder / "saved_model.pb").is_file():
        raise ConversionError(f"{folder} is no SavedModel: it holds no saved_model.pb")


def graph_models(saved_model: Path, outputs: Mapping[str, Path], examples: Examples) -> None:
    """Writes model.json and its weights from ``serving_default`` of the SavedModel.

    Args:
        outputs: for each form of the weights, one of FORMS, its folder.
        examples: returns raw inputs to calibrate with; called for a form that needs them.

    Raises:
        ConversionError: it is no SavedModel, a form is not known, or the converter failed.
    """
    unknown = ", ".join(sorted(outputs.keys() - FORMS.keys()))
    if unknown:
        raise ConversionError(f"unknown web weights: {unknown}; there are: {', '.join(FORMS)}")
    require_saved_model(saved_model)
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        model = _graph_model(saved_model, Path(folder))
    for form, output in outputs.items():
        model.write(output, FORMS[form](model, examples))


def _graph_model(saved_model: Path, folder: Path) -> GraphModel:
    script = WEB / "conversion" / "to_graph_model.py"
    # -I: neither the caller's PYTHONPATH nor its folder reaches the other environment.
    python = require(WEB_CONVERTER_PYTHON)
    command: list[str | Path] = [python, "-I", script, saved_model.resolve(), folder]
    # Conversion is one graph rewrite; TensorFlow would spend time on finding graphics cards.
    environment = {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    _run("tensorflowjs_converter", command, environment, CONVERT_SECONDS)
    if not (folder / "model.json").is_file():
        raise ConversionError(f"tensorflowjs_converter wrote no {folder / 'model.json'}")
    return separated(GraphModel.read(folder))


def page(site: Path) -> None:
    """Adds the page to a site that holds model, contract and samples already.

    What it holds of TensorFlow.js is what this model needs.
    """
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        needs = Path(folder) / "needs.json"
        find_needs(site, needs)
        build(site, needs)


def compress(site: Path) -> None:
    """Puts compressed copies beside the files that are worth it."""
    _node("compress.ts", [WEB / "bundle" / "compress.ts", site])


def declarations(out_dir: Path) -> None:
    """Writes the TypeScript declarations of the runner and of what its types name."""
    compiler = require(WEB / "node_modules" / "typescript" / "bin" / "tsc")
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        _node("tsc", [compiler, "--project", WEB / "app" / "types", "--outDir", folder])
        _copy_reached("runner.d.ts", Path(folder), out_dir)


def _copy_reached(name: str, source: Path, out_dir: Path) -> None:
    """Copies a declaration and those it imports: the others name packages that are not there."""
    if (out_dir / name).exists():
        return
    text = (source / name).read_text()
    out_dir.mkdir(exist_ok=True)
    # Other people's compilers look for declarations beside a .js file.
    (out_dir / name).write_text(re.sub(r"(from '\./\w+)\.ts'", r"\1.js'", text))
    for imported in re.findall(r"from '\./(\w+)\.ts'", text):
        _copy_reached(f"{imported}.d.ts", source, out_dir)


def find_needs(site: Path, needs: Path) -> None:
    """Writes which operations and kernels the site's model uses, as bundle/lean.ts reads them."""
    _node("kernels.ts", [WEB / "bundle" / "kernels.ts", site, needs])


def build(site: Path, needs: Path) -> None:
    """Adds index.html and assets/ to the site."""
    vite = require(WEB / "node_modules" / "vite" / "bin" / "vite.js")
    command: list[str | Path] = [vite, "build", "--configLoader", "native", "--logLevel", "warn"]
    command += ["--outDir", site, "--emptyOutDir", "false"]
    environment = {"FANOUT_NEEDS": str(needs), "NODE_ENV": "production", "NO_COLOR": "1"}
    _node("vite", command, environment)


def _node(
    name: str, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
) -> None:
    _run(name, [require(NODE), *command], environment or {}, BUILD_SECONDS)


def _run(
    name: str, command: Sequence[str | Path], environment: Mapping[str, str], seconds: float
) -> None:
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
        said = "\n".join(_telling(run.stderr or run.stdout)[-8:])
        raise ConversionError(f"{name} failed with code {run.returncode}: {said}")


def _telling(output: str) -> list[str]:
    """Returns the lines without those of a JavaScript stack."""
    lines = output.strip().splitlines()
    return [line for line in lines if line.strip() and not line.lstrip().startswith("at ")]
