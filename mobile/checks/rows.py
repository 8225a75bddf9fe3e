"""The mobile target's rows: one file in one runtime, compared with the SavedModel."""

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
from mobile.conversion.variants import variant_named
from models.spec import Limits

TARGET = "mobile"
_TIMED_ROUNDS = 8
# On free cores the rounds take less. On busy ones, the threads wait for one another.
_TIMED_SECONDS = 0.5


@dataclass(frozen=True)
class Bench:
    """The inputs that all rows of a check share.

    Attributes:
        artifacts: the converted files.
        golden: the examples, with the SavedModel's answers.
        limits: the limits by variant.
        scratch: a folder that holds the golden set for the runners.
    """

    artifacts: Artifacts
    golden: Golden
    limits: Mapping[str, Limits]
    scratch: Path


def row(bench: Bench, variant: str, runtime: EdgeRuntime) -> Check:
    """Runs every example of a variant in a runtime and returns the row."""
    limits = bench.limits[variant]
    check = Check(target=TARGET, variant=variant, runtime=runtime.label(), status=FAILED)
    file = bench.artifacts.variants.get(variant)
    if file is None or not file.is_file():
        return failure(check, _why_missing(file, variant), limits=limits)
    check = replace(check, bytes=bench.artifacts.size(variant))
    try:
        model = read(file)
    except InvalidModelError as error:
        return failure(check, str(error), limits=limits)
    needed = requirement(model)
    check = check.with_figures(min_runtime=needed.release or None, operators=model.versions)
    if variant_named(variant).calibrated:
        check = check.with_figures(float_operators=model.float_operators)
    if model.unassigned_variables:
        return failure(check, _weightless(model), limits=limits)
    if limits.min_runtime and not needed.loads_in(limits.min_runtime):
        return failure(check, _too_new(model, needed, limits.min_runtime), limits=limits)
    if limits.min_runtime and _is_older(runtime, limits.min_runtime):
        reason = f"the model's limits ask for TensorFlow Lite {limits.min_runtime} or newer"
        return replace(check, status=SKIPPED, reason=reason, required=False)
    outputs_folder = bench.scratch / f"{variant}.{runtime.module}"
    outputs_folder.mkdir()
    try:
        answer = run(runtime, file, bench.scratch, outputs_folder)
        outputs = _named(answer, bench.golden)
    except RuntimeFailedError as error:
        return failure(check, f"{error}{_explanation(needed, runtime)}", limits=limits)
    figures = {name: answer.figures[name] for name in ("p95_ms", "load_ms", "peak_mib")}
    check = replace(check, p50_ms=answer.figures["p50_ms"]).with_figures(**figures)
    return compare(outputs, bench.golden, limits, row=check)


def with_all_threads(bench: Bench, rows: list[Check], runtime: EdgeRuntime) -> list[Check]:
    """Returns a runtime's rows with the times that all of the machine's cores give.

    The files are measured while no other part of the check runs. If the measurement fails, every
    row that had passed fails too.
    """
    cores = cpu_count() or 1
    measured = [check for check in rows if check.agreement is not None]
    files = [bench.artifacts.variants[check.variant] for check in measured]
    try:
        times = (
            latencies(runtime, files, bench.scratch, [cores], _TIMED_ROUNDS, _TIMED_SECONDS)
            if measured
            else []
        )
    except RuntimeFailedError as error:
        reason = f"with {cores} threads: {error}"
        return [
            replace(check, status=FAILED, reason=reason) if check.status == PASSED else check
            for check in rows
        ]
    timed = {
        check.variant: check.with_figures(
            threads=cores,
            p50_threads_ms=by_threads[cores].p50_ms,
            p95_threads_ms=by_threads[cores].p95_ms,
        )
        for check, by_threads in zip(measured, times, strict=True)
    }
    return [timed.get(check.variant, check) for check in rows]


def _why_missing(file: Path | None, variant: str) -> str:
    if file is None:
        return f"the conversion made no {variant} file"
    reason = reason_file(file)
    return reason.read_text().strip() if reason.is_file() else f"{file.name} is missing"


def _weightless(model: ModelFile) -> str:
    return (
        f"{model.file.name} has no weights: it reads {model.unassigned_variables} variables that "
        "nothing assigns. This happens when a Keras model that tf.saved_model.save wrote is "
        "converted; export it with keras.export.ExportArchive and convert that SavedModel's "
        "signature"
    )


def _too_new(model: ModelFile, needed: Requirement, oldest: str) -> str:
    return f"{model.file.name} needs {needed}; its limits require that {oldest} can load it"


def _is_older(runtime: EdgeRuntime, oldest: str) -> bool:
    return runtime.release is not None and version(runtime.release)[:2] < version(oldest)[:2]


def _explanation(needed: Requirement, runtime: EdgeRuntime) -> str:
    """Returns a note on what the file needs, where the runtime does not have it."""
    if runtime.release is None or needed.loads_in(runtime.release):
        return ""
    return f" (the file needs {needed}; this runtime has the operators of {runtime.release})"


def _named(answer: Answer, golden: Golden) -> dict[str, Array]:
    """Returns the outputs to compare by the golden set's names.

    A file whose outputs have other names may have one output, or one of each shape.
    """
    if golden.outputs.keys() <= answer.outputs.keys():
        return {name: answer.outputs[name] for name in golden.outputs}
    if len(answer.outputs) == len(golden.outputs) == 1:
        return dict(zip(golden.outputs, answer.outputs.values(), strict=True))
    named = {}
    for name, expected in golden.outputs.items():
        fitting = [values for values in answer.outputs.values() if values.shape == expected.shape]
        if len(fitting) != 1:
            shapes = {name: values.shape for name, values in answer.outputs.items()}
            raise RuntimeFailedError(
                f"exactly one output must have the shape {expected.shape}; the file has {shapes}"
            )
        named[name] = fitting[0]
    return named
