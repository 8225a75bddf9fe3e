"""The web target: a TensorFlow.js graph model in a static page, checked in headless Chromium."""

import json
from collections.abc import Mapping
from pathlib import Path

from models.contract import contract
from models.spec import Limits, ModelSpec
from pipeline.checks import Check
from pipeline.golden import Golden
from pipeline.target import Artifacts, ConvertConfig
from web import browser_check
from web import convert as tools

VARIANT = "float32"


def convert(
    saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> Artifacts:
    """Returns the site that it wrote: index.html, assets, model/, contract.json, golden.json.

    Raises ConversionError when the converter or the page's build fails.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    # The build empties the folder, so it comes first.
    tools.page(out_dir)
    tools.graph_model(saved_model, out_dir.resolve() / "model")
    described = json.dumps(contract(spec), indent=1, ensure_ascii=False) + "\n"
    (out_dir / "contract.json").write_text(described)
    samples = Golden.load(config.golden).spread(spec.golden_examples)
    output = spec.outputs[0].name
    (out_dir / "golden.json").write_text(
        samples.to_json(model=spec.name, output=output, version=None)
    )
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
