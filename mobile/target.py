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
from mobile.conversion import ConversionError, Source
from mobile.metadata import with_metadata
from mobile.model_file import InvalidModelError, ModelFile, read
from mobile.runtime_versions import requirement
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

    In the place of one that is not required and cannot be made stands a text file that says why.

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
        try:
            content = source.convert(variant, calibration)
        except ConversionError as error:
            if spec.limits[TARGET][name].required:
                raise
            _refusal(written.variants[name]).write_text(f"{error}\n")
            continue
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
        return failure(row, _why_missing(file, variant), limits=limits)
    row = replace(row, bytes=artifacts.size(variant))
    try:
        model = read(file)
    except InvalidModelError as error:
        return failure(row, str(error), limits=limits)
    if model.unassigned_variables:
        return failure(row, _weightless(model), limits=limits)
    own = scratch / f"{variant}.{runtime.module}"
    own.mkdir()
    try:
        answer = run(runtime, file, scratch, own)
        outputs = _probabilities(answer, golden)
    except RuntimeFailedError as error:
        return failure(row, f"{error}{_explanation(model, runtime)}", limits=limits)
    row = replace(row, p50_ms=answer.figures["p50_ms"])
    return compare(outputs, golden, limits, row=row)


def _why_missing(file: Path | None, variant: str) -> str:
    if file is None:
        return f"no {variant} file was made"
    refusal = _refusal(file)
    return refusal.read_text().strip() if refusal.is_file() else f"{file.name} is missing"


def _refusal(file: Path) -> Path:
    return file.with_name(f"{file.name}.refused.txt")


def _weightless(model: ModelFile) -> str:
    return (
        f"{model.file.name} has no weights: it reads {model.unassigned_variables} variables that "
        "nothing assigns. Converting what tf.saved_model.save writes of a Keras model does this; "
        "export with keras.export.ExportArchive and convert the SavedModel's signature"
    )


def _explanation(model: ModelFile, runtime: EdgeRuntime) -> str:
    """Returns what the file needs where that is more than the runtime has."""
    needed = requirement(model)
    if runtime.release is None or needed.loads_in(runtime.release):
        return ""
    return f" (the file needs {needed}; this runtime has the operators of {runtime.release})"


def _probabilities(answer: Answer, golden: Golden) -> Array:
    """Returns the output that the golden set is about: the only one, or the one of its shape."""
    if len(answer.outputs) == 1:
        return next(iter(answer.outputs.values()))
    alike = [name for name in answer.outputs if answer.outputs[name].shape == golden.outputs.shape]
    if len(alike) != 1:
        shapes = {name: values.shape for name, values in answer.outputs.items()}
        raise RuntimeFailedError(f"which output is {golden.outputs.shape}? The file has {shapes}")
    return answer.outputs[alike[0]]
