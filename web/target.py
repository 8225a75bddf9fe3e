"""The web target: TensorFlow.js graph models in a static page, checked in headless Chromium."""

import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from core.agreement.checks import Check
from core.agreement.golden import Golden
from core.agreement.left_out import reason_file
from core.agreement.target import Artifacts, ConvertConfig
from models.calibration import calibration_inputs
from models.contract import contract
from models.spec import Limits, ModelSpec, Profile
from web.checks import engines
from web.conversion import graph_models, tflite
from web.site import build, layout, offline, package, stamp
from web.tools import ConversionError


def convert(
    saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> Artifacts:
    """Replaces ``out_dir`` with a site and returns it.

    It holds index.html, assets/, model/, contract.json and golden.json. The page starts with the
    first form of the weights for which the spec has limits; users can choose the others.

    If TensorFlow.js cannot take the model, or if the page cannot be built, each form of the weights
    is replaced by a text file with the reason, and ``check`` returns failed rows.

    Raises:
        ConversionError: ``saved_model`` is not a SavedModel.
    """
    graph_models.require_saved_model(saved_model)
    try:
        _write(saved_model, _emptied(out_dir), spec=spec, config=config)
    except ConversionError as error:
        _emptied(out_dir)
        for folder in artifacts(out_dir, spec=spec).variants.values():
            folder.parent.mkdir(exist_ok=True)
            reason_file(folder).write_text(f"{error}\n")
    return artifacts(out_dir, spec=spec)


def _emptied(folder: Path) -> Path:
    site = folder.resolve()
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    return site


def _write(saved_model: Path, site: Path, *, spec: ModelSpec, config: ConvertConfig) -> None:
    (site / "model").mkdir()
    folders = layout.model_folders(site, spec.limits["web"])
    examples = partial(calibration_inputs, spec, config.examples)
    # The converter is a separate process, which spends most of its time importing TensorFlow.
    with ThreadPoolExecutor(1) as pool:
        models = pool.submit(graph_models.write, saved_model, folders, examples)
        tflite.add(saved_model, site, spec=spec, config=config)
        models.result()
    described = json.dumps(contract(spec), indent=1, ensure_ascii=False) + "\n"
    (site / layout.CONTRACT).write_text(described)
    samples = Golden.load(config.golden).samples(spec.golden_examples)
    text = samples.to_json(model=spec.name, version=None)
    (site / layout.GOLDEN).write_text(text)
    (site / layout.SERVER).write_text('{"predict": null}\n')
    # The page is tailored to the files that the site holds by now.
    build.page(site)
    package.write(site, spec)
    stamp.unreleased(site)
    offline.seal(site, spec)
    build.compress(site)


def artifacts(folder: Path, *, spec: ModelSpec) -> Artifacts:
    """Returns the artifacts that ``convert`` wrote to the folder."""
    return Artifacts(spec.name, folder, layout.model_folders(folder, spec.limits["web"]))


def check(artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]) -> list[Check]:
    """Returns one row for each pair of engine and weights, with the page's default first.

    The default runs every golden example; the others run a part of them.
    """
    return engines.check(artifacts, golden, limits=limits)


def examples(profile: Profile) -> int | None:
    """Returns the profile's limit: a browser takes longer than the other runtimes."""
    return profile.web_examples
