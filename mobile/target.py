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
from mobile.conversion import isolated
from mobile.conversion.conversion import ConversionError
from mobile.conversion.metadata import with_metadata
from mobile.conversion.variants import variant_named
from models.calibration import calibration_inputs
from models.spec import Limits, ModelSpec, Profile


def convert(
    saved_model: Path, out_dir: Path, *, spec: ModelSpec, config: ConvertConfig
) -> Artifacts:
    """Writes ``<model>.<variant>.tflite`` for each variant that the spec has limits for.

    All variants are tried. One that cannot be made is replaced by a text file with the reason,
    which ``check`` reports.

    Raises:
        UnknownVariantError: the spec names a variant that does not exist.
        ConversionError: the SavedModel has other inputs or outputs than the spec says.
        DataError: there is no training example to calibrate with.
    """
    variants = {name: variant_named(name) for name in spec.limits[TARGET]}
    out_dir.mkdir(parents=True, exist_ok=True)
    written = artifacts(out_dir, spec=spec)
    made = isolated.convert(
        saved_model, spec, list(variants), lambda: calibration_inputs(spec, config.examples)
    )
    for name, content in made.items():
        if isinstance(content, ConversionError):
            reason_file(written.variants[name]).write_text(f"{content}\n")
        else:
            file = with_metadata(content, spec, variants[name].title)
            written.variants[name].write_bytes(file)
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
