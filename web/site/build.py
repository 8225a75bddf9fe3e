"""Builds the page around a model, and the other parts of a site that Node.js makes."""

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.toolchain import NODE, WEB, require
from web import tools
from web.refusals import refusal
from web.tools import ConversionError

NEEDS_SECONDS = 300.0
BUILD_SECONDS = 300.0


def page(site: Path) -> None:
    """Adds the page to a site that already holds model, contract and samples.

    The page contains only the parts of TensorFlow.js that this model needs.
    """
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        needs = Path(folder) / "needs.json"
        find_needs(site, needs)
        build(site, needs)


def find_needs(site: Path, needs: Path) -> None:
    """Writes the operations and kernels that the site's model uses, for bundle/lean.ts.

    Raises:
        ConversionError: TensorFlow.js cannot run the model; the message names the operation.
    """
    running = needs.with_name("running.json")
    script = WEB / "bundle" / "kernels.ts"
    try:
        command = [script, site, needs, running]
        _node("running the model in Node.js", command, seconds=NEEDS_SECONDS)
    except ConversionError as error:
        operation = _first_line(running)
        if operation is None:
            raise
        raise ConversionError(refusal(str(error), operation, operation["engine"])) from error


def build(site: Path, needs: Path) -> None:
    """Adds index.html and assets/ to the site."""
    vite = require(WEB / "node_modules" / "vite" / "bin" / "vite.js")
    command: list[str | Path] = [vite, "build", "--configLoader", "native", "--logLevel", "warn"]
    command += ["--outDir", site, "--emptyOutDir", "false"]
    environment = {"FANOUT_NEEDS": str(needs), "NODE_ENV": "production", "NO_COLOR": "1"}
    _node("vite", command, environment)


def declarations(out_dir: Path) -> None:
    """Writes the TypeScript declarations of the runner and of the types that it refers to."""
    compiler = require(WEB / "node_modules" / "typescript" / "bin" / "tsc")
    with tempfile.TemporaryDirectory(prefix="fanout-web-") as folder:
        _node("tsc", [compiler, "--project", WEB / "app" / "types", "--outDir", folder])
        _copy_reached("runner.d.ts", Path(folder), out_dir)


def compress(site: Path) -> None:
    """Puts compressed copies beside the files that compress well enough."""
    _node("compress.ts", [WEB / "bundle" / "compress.ts", site])


def _first_line(file: Path) -> dict[str, str] | None:
    """Returns the operation in the file that kernels.ts writes; None if none was running."""
    text = file.read_text() if file.is_file() else ""
    operation: dict[str, str] | None = json.loads(text.partition("\n")[0] or "null")
    return operation


def _copy_reached(name: str, source: Path, out_dir: Path) -> None:
    """Copies a declaration file and those it imports; the others need absent packages."""
    if (out_dir / name).exists():
        return
    text = (source / name).read_text()
    out_dir.mkdir(exist_ok=True)
    # The compilers of users look for declarations beside a .js file.
    (out_dir / name).write_text(re.sub(r"(from '\./\w+)\.ts'", r"\1.js'", text))
    for imported in re.findall(r"from '\./(\w+)\.ts'", text):
        _copy_reached(f"{imported}.d.ts", source, out_dir)


def _node(
    name: str,
    command: Sequence[str | Path],
    environment: Mapping[str, str] | None = None,
    *,
    seconds: float = BUILD_SECONDS,
) -> None:
    tools.run(name, [require(NODE), *command], environment or {}, seconds=seconds)
