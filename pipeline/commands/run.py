"""``fanout run``: data, DAG, release, promotion; nothing is done twice."""

import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.agreement.checks import Check
from core.agreement.golden import Golden
from core.console import (
    CONSOLE,
    library_noise_to,
)
from core.errors import FanoutError, GateError, UserError
from pipeline.release import release, signing
from pipeline.release.release import ArtifactChanged, Release
from pipeline.settings import tuned
from pipeline.settings.config import Config
from pipeline.settings.lock import exclusive
from pipeline.stages import data
from pipeline.stages.component_lines import (
    component_lines,
)
from pipeline.stages.fingerprints import Fingerprints
from pipeline.stages.retries import conversion, mark_for_retry

# What a run of a small model writes, with room for a second one beside it.
NEEDED_BYTES = 256 << 20
FULL_BYTES = 4 << 20


def run(config: Config, *, promote: bool = True) -> Release:
    """Brings the current release up to date with the data, code and settings, and returns it.

    Args:
        config: the model, its profile and its build folder.
        promote: whether the release becomes the current one; a canary is to be tried out first.

    Raises:
        GateError: a gate said no; the release that was current stays.
        FanoutError: what the user must mend.
    """
    with exclusive(config.build):
        fingerprint = Fingerprints.of(config).whole()
        made = bring_up_to_date(
            config, fingerprint, lambda: _make(config, fingerprint), promote=promote
        )
        is_current = release.current_version(config) == made.version
        state = "is current" if is_current else "is not promoted"
        CONSOLE.print(f"  release {made.version} {state}: {made.folder}")
        return made


def bring_up_to_date(
    config: Config, fingerprint: str, make: Callable[[], Release], *, promote: bool = True
) -> Release:
    """Returns the release with a fingerprint, which is then the current one.

    Args:
        config: the model, its profile and its build folder.
        fingerprint: of its data, code and settings.
        promote: whether it becomes the current one; if not, it only could be.
        make: assembles it; called when there is none that is whole and promotable.

    Raises as ``run``; what a gate refused is done again by the next run.
    """
    try:
        made = _already_made(config, fingerprint) or make()
    except ArtifactChanged as error:
        mark_for_retry(config, [error.target, conversion(error.target)])
        raise
    if config.trust.signs and not made.is_signed:
        signing.sign(config, made)
    try:
        if promote:
            release.promote(config, made)
        else:
            release.require_promotable(config, made)
    except GateError:
        mark_for_retry(config, sorted({check.target for check in made.stopped_by}))
        raise
    return made


def _already_made(config: Config, fingerprint: str) -> Release | None:
    """Returns a whole, promotable release with this fingerprint: the current one, or the newest."""
    now = release.current_version(config)
    versions = [now] if now is not None else []
    for version in [*versions, *release.versions(config)[:-4:-1]]:
        try:
            candidate = Release.open(config.releases / str(version))
        except UserError as error:
            CONSOLE.print(f"  release {version} is damaged: {error}")
            continue
        if candidate.fingerprint == fingerprint and not candidate.stopped_by:
            damage = candidate.damage()
            if not damage:
                return candidate
            CONSOLE.print(f"  release {candidate.version} is damaged: {'; '.join(damage[:3])}")
    return None


def _require_space(build: Path) -> None:
    free = shutil.disk_usage(build).free
    if free < NEEDED_BYTES:
        raise UserError(
            f"the disk of {build} is full: a run needs {NEEDED_BYTES >> 20} MiB, "
            f"{free >> 20} MiB are free"
        )


def _make(config: Config, fingerprint: str) -> Release:
    _require_space(config.build)
    CONSOLE.print(f"[bold]{config.spec.name}[/], profile {config.profile_name}")
    if config.tuned:
        CONSOLE.print(f"  tuned: {config.tuned}")
    elif tuned.read(config.build):
        CONSOLE.print(
            f"  {tuned.FILE} is left aside: the profile's hyperparameters changed since then"
        )
    log = config.logs / f"run-{time.strftime('%Y%m%d-%H%M%S')}.log"
    with library_noise_to(log):
        data.prepare(config)
        _run_pipeline(config, log)
        return release.assemble(config, _parts(config, fingerprint))


def _run_pipeline(config: Config, log: Path) -> None:
    with CONSOLE.status("loading TFX"):
        from tfx import v1 as tfx

        from pipeline.stages.dag import create_pipeline
    with component_lines(log):
        try:
            tfx.orchestration.LocalDagRunner().run(create_pipeline(config))
        except Exception as error:
            logging.exception("the run stopped")
            raise in_words(error, config, log) from error


def in_words(error: Exception, config: Config, log: Path) -> FanoutError:
    """Returns the gate's or data's own error where it is the cause, else one with the log named."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FanoutError):
            return cause
        cause = cause.__cause__ or cause.__context__
    # TensorFlow, Beam and SQLite each have their own words for it.
    if shutil.disk_usage(config.build).free < FULL_BYTES:
        return FanoutError(f"the disk of {config.build} is full; free some space and run again")
    line = str(error).strip().splitlines() or [type(error).__name__]
    return FanoutError(f"the pipeline stopped: {type(error).__name__}: {line[0]} (log: {log})")


def _parts(config: Config, fingerprint: str) -> release.Parts:
    from pipeline.monitor.baseline import FOLDER as MONITORING
    from pipeline.report import gather, render
    from pipeline.stages.components import read_checks, read_digests
    from pipeline.stages.evaluation import read_evaluation
    from pipeline.stages.lineage import last_run
    from pipeline.targets import TARGETS

    outputs = last_run(config)
    evaluation = outputs["Evaluator"]["evaluation"]
    checks: list[Check] = []
    pushed: dict[str, Path] = {}
    digests: dict[str, dict[str, str]] = {}
    for target in TARGETS:
        blessing = outputs[f"Check.{target}"]["blessing"].folder
        checks += read_checks(blessing)
        digests[target] = read_digests(blessing)
        model = outputs[f"Pusher.{target}"]["pushed_model"]
        if model.properties.get("pushed") == 1:
            pushed[target] = model.folder
    return release.Parts(
        targets=pushed,
        golden=Golden.load(outputs["GoldenSet"]["golden"].folder),
        metrics=read_evaluation(evaluation.folder, config.spec).to_json(),
        checks=checks,
        beside={MONITORING: outputs["MonitoringBaseline"]["statistics"].folder},
        fingerprint=fingerprint,
        checked=digests,
        report=lambda manifest: render(gather(config, manifest)),
    )


def as_json(made: Release) -> str:
    """Returns what ``--json`` prints of a release."""
    shown: dict[str, Any] = {"folder": str(made.folder), **made.manifest}
    return json.dumps(shown, indent=1)
