"""The mobile target's rows: what one file did in one runtime, held against the SavedModel."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import cpu_count
from pathlib import Path

from core.agreement.checks import FAILED, PASSED, SKIPPED, Check, compare, failure
from core.agreement.golden import Golden
from core.agreement.left_out import reason_file
from core.agreement.target import Artifacts
from core.arrays import Array
from mobile.checks.runtimes import Answer, EdgeRuntime, RuntimeFailedError, latencies, run
from mobile.conversion.model_file import InvalidModelError, ModelFile, read
from mobile.conversion.runtime_versions import Requirement, requirement, version
from models.spec import Limits

TARGET = "mobile"
_TIMED_ROUNDS = 8


@dataclass(frozen=True)
class Bench:
    """What all rows of a check share.

    Attributes:
        artifacts: the files.
        golden: the examples, with the SavedModel's answers.
        limits: by variant.
        scratch: a folder that holds the golden set, for the runners.
    """

    artifacts: Artifacts
    golden: Golden
    limits: Mapping[str, Limits]
    scratch: Path


def row(bench: Bench, variant: str, runtime: EdgeRuntime) -> Check:
    """Returns the row of a variant in a runtime, after running every example there."""
    limits = bench.limits[variant]
    found = Check(target=TARGET, variant=variant, runtime=runtime.label(), status=FAILED)
    file = bench.artifacts.variants.get(variant)
    if file is None or not file.is_file():
        return failure(found, _why_missing(file, variant), limits=limits)
    found = replace(found, bytes=bench.artifacts.size(variant))
    try:
        model = read(file)
    except InvalidModelError as error:
        return failure(found, str(error), limits=limits)
    needed = requirement(model)
    found = found.with_figures(min_runtime=needed.release or None, operators=model.versions)
    if model.unassigned_variables:
        return failure(found, _weightless(model), limits=limits)
    if limits.min_runtime and not needed.loads_in(limits.min_runtime):
        return failure(found, _too_new(model, needed, limits.min_runtime), limits=limits)
    if limits.min_runtime and _is_older(runtime, limits.min_runtime):
        reason = f"the model asks for TensorFlow Lite {limits.min_runtime} or newer"
        return replace(found, status=SKIPPED, reason=reason, required=False)
    own = bench.scratch / f"{variant}.{runtime.module}"
    own.mkdir()
    try:
        answer = run(runtime, file, bench.scratch, own)
        outputs = _probabilities(answer, bench.golden)
    except RuntimeFailedError as error:
        return failure(found, f"{error}{_explanation(needed, runtime)}", limits=limits)
    figures = {name: answer.figures[name] for name in ("p95_ms", "load_ms", "peak_mib")}
    found = replace(found, p50_ms=answer.figures["p50_ms"]).with_figures(**figures)
    return compare(outputs, bench.golden, limits, row=found)


def with_all_threads(bench: Bench, rows: list[Check], runtime: EdgeRuntime) -> list[Check]:
    """Returns a runtime's rows with the times that all of the machine's cores give.

    Measured one after the other when nothing else of the check runs. Where that fails, so does
    every row that had passed.
    """
    cores = cpu_count() or 1
    ran = [found for found in rows if found.accuracy is not None]
    files = [bench.artifacts.variants[found.variant] for found in ran]
    try:
        times = latencies(runtime, files, bench.scratch, [cores], _TIMED_ROUNDS) if ran else []
    except RuntimeFailedError as error:
        reason = f"with {cores} threads: {error}"
        return [
            replace(found, status=FAILED, reason=reason) if found.status == PASSED else found
            for found in rows
        ]
    timed = {
        found.variant: found.with_figures(
            threads=cores,
            p50_threads_ms=by_threads[cores].p50_ms,
            p95_threads_ms=by_threads[cores].p95_ms,
        )
        for found, by_threads in zip(ran, times, strict=True)
    }
    return [timed.get(found.variant, found) for found in rows]


def _why_missing(file: Path | None, variant: str) -> str:
    if file is None:
        return f"no {variant} file was made"
    reason = reason_file(file)
    return reason.read_text().strip() if reason.is_file() else f"{file.name} is missing"


def _weightless(model: ModelFile) -> str:
    return (
        f"{model.file.name} has no weights: it reads {model.unassigned_variables} variables that "
        "nothing assigns. Converting what tf.saved_model.save writes of a Keras model does this; "
        "export with keras.export.ExportArchive and convert the SavedModel's signature"
    )


def _too_new(model: ModelFile, needed: Requirement, oldest: str) -> str:
    return f"{model.file.name} needs {needed}; its limits say that {oldest} must load it"


def _is_older(runtime: EdgeRuntime, oldest: str) -> bool:
    return runtime.release is not None and version(runtime.release)[:2] < version(oldest)[:2]


def _explanation(needed: Requirement, runtime: EdgeRuntime) -> str:
    """Returns what the file needs where that is more than the runtime has."""
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
