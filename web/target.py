"""The web target: a TensorFlow.js graph model in a static page, checked in headless Chromium."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from models.contract import contract
from models.spec import Limits, ModelSpec
from pipeline.checks import Check
from pipeline.golden import Golden
from pipeline.target import Artifacts, ConvertConfig
from web import browser_check, offline
from web import convert as tools

VARIANT = "float32"


def convert(
    saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> Artifacts:
    """Replaces ``out_dir`` by a site and returns it.

    It holds index.html, assets/, model/, contract.json and golden.json.

    Raises ConversionError when the converter or the page's build fails.
    """
    site = out_dir.resolve()
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    tools.graph_model(saved_model, site / "model")
    described = json.dumps(contract(spec), indent=1, ensure_ascii=False) + "\n"
    (site / "contract.json").write_text(described)
    samples = Golden.load(config.golden).spread(spec.golden_examples)
    output = spec.outputs[0].name
    text = samples.to_json(model=spec.name, output=output, version=None)
    (site / "golden.json").write_text(text)
    # Made to measure for what stands there by now.
    tools.page(site)
    offline.seal(site, spec)
    tools.compress(site)
    return artifacts(out_dir, spec=spec)


def artifacts(folder: Path, *, spec: ModelSpec) -> Artifacts:
    """Returns what ``convert`` left in the folder."""
    return Artifacts(spec.name, folder, {VARIANT: folder / "model"})


def check(artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]) -> list[Check]:
    """Returns one row a browser backend, each with the figures of every golden example."""
    return [
        row
        for variant in artifacts.variants
        for row in browser_check.check(artifacts, golden, variant=variant, limits=limits[variant])
    ]
