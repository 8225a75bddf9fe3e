"""The mobile target: .tflite files for phones and single-board computers.

``convert`` makes them from the SavedModel; ``check`` runs every example through tflite-runtime and
LiteRT, the two runtimes that such devices have.
"""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from os import cpu_count
from pathlib import Path

from mobile.calibration import calibration_inputs
from mobile.conversion import Source
from mobile.metadata import with_metadata
from mobile.runtimes import RUNTIMES, Answer, EdgeRuntime, RuntimeFailedError, run
from mobile.variants import variant_named
from models.spec import Limits, ModelSpec
from pipeline.checks import FAILED, Check, compare, failure
from pipeline.golden import Array, Golden
from pipeline.target import Artifacts, ConvertConfig

TARGET = "mobile"


def convert(
    saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> Artifacts:
    """Writes ``<model>.<variant>.tflite`` for each variant that the spec has limits for.

    Raises:
        UnknownVariantError: the spec names a variant that there is none of.
        ConversionError: the SavedModel cannot be converted, as when an operator is missing.
        DataError: there is no training example to calibrate with.
    """
    variants = {name: variant_named(name) for name in spec.limits[TARGET]}
    needs_examples = any(variant.calibrated for variant in variants.values())
    calibration = calibration_inputs(spec, config.examples) if needs_examples else {}
    source = Source(saved_model, spec)
    out_dir.mkdir(parents=True, exist_ok=True)
    written = artifacts(out_dir, spec=spec)
    for name, variant in variants.items():
        content = source.convert(variant, calibration)
        written.variants[name].write_bytes(with_metadata(content, spec, variant.title))
    return written


def artifacts(folder: Path, *, spec: ModelSpec) -> Artifacts:
    """Returns where the files of an earlier conversion are; ``check`` says which are missing."""
    files = {name: folder / f"{spec.name}.{name}.tflite" for name in spec.limits[TARGET]}
    return Artifacts(model=spec.name, folder=folder, variants=files)


def check(artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]) -> list[Check]:
    """Returns one row a variant and runtime, after running every example in each.

    Raises:
        UserError: the edge environment is not installed.
    """
    pairs = [(variant, runtime) for variant in limits for runtime in RUNTIMES]
    with tempfile.TemporaryDirectory(prefix="mobile-check-") as folder:
        scratch = Path(folder)
        golden.save(scratch)

        def row(pair: tuple[str, EdgeRuntime]) -> Check:
            variant, runtime = pair
            return _check_one(artifacts, golden, limits[variant], variant, runtime, scratch)

        # The runners are processes of one thread each: as many at a time as there are cores.
        with ThreadPoolExecutor(max_workers=cpu_count()) as pool:
            return list(pool.map(row, pairs))


def _check_one(
    artifacts: Artifacts,
    golden: Golden,
    limits: Limits,
    variant: str,
    runtime: EdgeRuntime,
    scratch: Path,
) -> Check:
    row = Check(target=TARGET, variant=variant, runtime=runtime.label(), status=FAILED)
    file = artifacts.variants.get(variant)
    if file is None or not file.is_file():
        name = file.name if file else f"{artifacts.model}.{variant}.tflite"
        return failure(row, f"{name} is missing", limits=limits)
    row = replace(row, bytes=artifacts.size(variant))
    own = scratch / f"{variant}.{runtime.module}"
    own.mkdir()
    try:
        answer = run(runtime, file, scratch, own)
        outputs = _probabilities(answer, golden)
    except RuntimeFailedError as error:
        return failure(row, str(error), limits=limits)
    row = replace(row, p50_ms=answer.figures["p50_ms"])
    return compare(outputs, golden, limits, row=row)


def _probabilities(answer: Answer, golden: Golden) -> Array:
    """Returns the output that the golden set is about: the only one, or the one of its shape."""
    if len(answer.outputs) == 1:
        return next(iter(answer.outputs.values()))
    alike = [name for name in answer.outputs if answer.outputs[name].shape == golden.outputs.shape]
    if len(alike) != 1:
        shapes = {name: values.shape for name, values in answer.outputs.items()}
        raise RuntimeFailedError(f"which output is {golden.outputs.shape}? The file has {shapes}")
    return answer.outputs[alike[0]]
