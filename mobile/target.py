"""The mobile target: .tflite files for phones and single-board computers.

``convert`` makes the files from the SavedModel. ``check`` runs every example in tflite-runtime and
LiteRT, the two runtimes that such devices have.
"""

import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

from core.agreement.checks import Check
from core.agreement.golden import Golden
from core.agreement.left_out import reason_file
from core.agreement.target import Artifacts, ConvertConfig
from mobile.checks.rows import TARGET, Bench, row, with_all_threads
from mobile.checks.runtimes import RUNTIMES
from mobile.conversion.conversion import ConversionError, Source
from mobile.conversion.metadata import with_metadata
from mobile.conversion.variants import variant_named
from models.calibration import calibration_inputs
from models.spec import Limits, ModelSpec, Profile


def convert(
    saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> Artifacts:
    """Writes ``<model>.<variant>.tflite`` for each variant that the spec has limits for.

    A variant that is not required and cannot be made is replaced by a text file with the reason.

    Raises:
        UnknownVariantError: the spec names a variant that does not exist.
        ConversionError: the SavedModel cannot be converted, for example because TensorFlow Lite
            lacks an operator.
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
            reason_file(written.variants[name]).write_text(f"{error}\n")
            continue
        written.variants[name].write_bytes(with_metadata(content, spec, variant.title))
    return written


def artifacts(folder: Path, *, spec: ModelSpec) -> Artifacts:
    """Returns the paths of an earlier conversion's files; ``check`` reports missing ones."""
    files = {name: folder / f"{spec.name}.{name}.tflite" for name in spec.limits[TARGET]}
    return Artifacts(model=spec.name, folder=folder, variants=files)


def check(artifacts: Artifacts, golden: Golden, *, limits: Mapping[str, Limits]) -> list[Check]:
    """Runs every example in each variant and runtime, and returns one row for each pair.

    Raises:
        UserError: the edge environment is not installed.
    """
    pairs = [(variant, runtime) for variant in limits for runtime in RUNTIMES]
    with tempfile.TemporaryDirectory(prefix="mobile-check-") as folder:
        golden.save(Path(folder))
        bench = Bench(artifacts, golden, limits, Path(folder))
        # The runners are processes with one thread each, so one runs per core.
        with ThreadPoolExecutor(max_workers=cpu_count()) as pool:
            rows = list(pool.map(lambda pair: row(bench, *pair), pairs))
        timed = [
            with_all_threads(bench, rows[place :: len(RUNTIMES)], runtime)
            for place, runtime in enumerate(RUNTIMES)
        ]
    return [timed_row for variant in zip(*timed, strict=True) for timed_row in variant]


def examples(profile: Profile) -> int | None:
    """Returns None: every golden example is checked."""
    return None
