"""Compares bytes and latency of the released page with its alternatives: ``make bench-web``.

A page with all of TensorFlow.js (tf.min.js) and one with LiteRT.js run the same model in the same
browser as the released runner. They take turns, and every visit is a first visit. The pages are in
web_pages/. Then web_networks.py times two other networks.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import web_networks
from core.agreement.golden import read_golden
from core.errors import FanoutError, UserError
from core.toolchain import NODE, ROOT, WEB, require
from pipeline.release import release
from pipeline.settings.config import Config
from web.checks.driver import run_script
from web.server.site_server import serving
from web.site import build

PAGES = ROOT / "benchmarks" / "web_pages"
LEAST_RATIO = 3.0
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
SECONDS = 120.0
HTML = '<!doctype html><meta charset="utf-8"><title>bench</title>{}<script type="module" src="{}">'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.web")
    parser.add_argument("--model", default=os.environ.get("MODEL") or "fashion")
    parser.add_argument("--profile", default=os.environ.get("PROFILE") or "default")
    parser.add_argument("--rounds", type=int, default=5, help="number of visits to each page")
    options = parser.parse_args()
    try:
        compared = bench(Config.from_environment(options.model, options.profile), options.rounds)
        return max(compared, web_networks.bench(web_networks.NETWORKS))
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def bench(config: Config, rounds: int) -> int:
    """Prints one row per page; returns 1 when the released page is not small enough."""
    promoted = release.current(config.build)
    if promoted is None:
        raise UserError(f"nothing of {config.build.name} is promoted yet; run: make deploy")
    if not promoted.has("web"):
        raise UserError(f"release {promoted.version} of {config.build.name} has no web target")
    not_float32 = [tensor.name for tensor in config.spec.inputs if tensor.dtype != "float32"]
    if not_float32:
        names = ", ".join(not_float32)
        raise UserError(f"the other pages take only float32 inputs; of another type: {names}")
    golden = read_golden(promoted.folder / "golden.json", config.spec).head(1)
    inputs = {name: rows[0].ravel().tolist() for name, rows in golden.inputs.items()}
    with tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder:
        shipped = next(iter(config.spec.limits["web"]))
        pages = _place(promoted.folder / "web", Path(folder), shipped)
        with serving(Path(folder)) as url:
            job = {
                "pages": {name: f"{url}{page}" for name, page in pages.items()},
                "inputs": inputs,
                "rounds": rounds,
                "timed": 50,
                "timeout": SECONDS * 1000,
            }
            answer = run_script("bench", job, seconds=SECONDS * rounds * len(pages))
    ours = answer["rows"][0]
    print(f"{answer['browser']}, median of {rounds} first visits; 50 predictions in each")
    print(f"{'page':<34}{'bytes':>10}{'ratio':>7}{'first ms':>10}{'p50 ms':>9}{'difference':>12}")
    for row in answer["rows"]:
        ratio = row["bytes"] / ours["bytes"]
        line = f"{row['page']:<34}{row['bytes']:>10,.0f}{ratio:>7.2f}{row['firstMs']:>10.0f}"
        if row["output"]:
            difference = np.abs(
                np.array(row["output"]) - golden.outputs[config.spec.outputs[0].name][0]
            ).max()
            line += f"{row['p50Ms']:>9.2f}{difference:>12.1e}"
        print(line)
    ratio = answer["rows"][1]["bytes"] / ours["bytes"]
    print(f"tf.min.js takes {ratio:.2f} times the bytes (limit: at least {LEAST_RATIO})")
    return 0 if ratio >= LEAST_RATIO else 1


def _place(site: Path, folder: Path, weights: str) -> dict[str, str]:
    """Copies the pages and the files that they load to the folder; returns the pages' addresses.

    Args:
        weights: the form of the weights that the released page starts with.
    """
    modules = _installed()
    shutil.copytree(site, folder / "site")
    for script in PAGES.glob("*.js"):
        shutil.copy(script, folder)
    shutil.copy(modules / "@tensorflow" / "tfjs" / "dist" / "tf.min.js", folder)
    litert = require(WEB / "node_modules" / "@litertjs")
    shutil.copytree(litert / "core" / "wasm", folder / "litert" / "wasm")
    # There is no bundler and no import map; the content security policy would have to allow a map.
    entry = (litert / "core" / "dist" / "index.js").read_text()
    (folder / "litert" / "index.js").write_text(
        entry.replace('"@litertjs/wasm-utils"', '"./wasm-utils.js"')
    )
    shutil.copy(litert / "wasm-utils" / "dist" / "index.js", folder / "litert" / "wasm-utils.js")
    wasm = require(WEB / "node_modules" / "@tensorflow" / "tfjs-backend-wasm" / "dist")
    shutil.copy(wasm / "tf-backend-wasm.min.js", folder)
    (folder / "wasm").mkdir()
    for file in wasm.glob("*.wasm"):
        shutil.copy(file, folder / "wasm")
    scripts = {"ours": "", "full": _script("tf.min.js"), "litert": ""}
    scripts["full-wasm"] = scripts["full"] + _script("tf-backend-wasm.min.js")
    for name, before in scripts.items():
        page = HTML.format(before, f"{name.removesuffix('-wasm')}.js") + "</script>"
        (folder / f"{name}.html").write_text(page)
    build.compress(folder)
    return {
        f"tf-fanout's runner, wasm, {weights}": "ours.html",
        "tf.min.js, webgl (its default)": "full.html",
        "tf.min.js, cpu": "full.html?backend=cpu",
        "tf.min.js, its wasm backend": "full-wasm.html?backend=wasm",
        "LiteRT.js": "litert.html",
        "tf-fanout's whole page": "site/index.html",
    }


def _script(name: str) -> str:
    return f'<script src="{name}"></script>'


def _installed() -> Path:
    """Returns the node_modules of web_pages/; installs them from the lock if they are missing."""
    modules = PAGES / "node_modules"
    if not modules.is_dir():
        environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
        command = [require(NODE), NPM, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=PAGES, env=environment, check=True)
    return modules


if __name__ == "__main__":
    sys.exit(main())
