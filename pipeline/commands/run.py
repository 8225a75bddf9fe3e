"""``fanout run``: data, DAG, release, promotion; nothing is done twice."""

import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.console import CONSOLE, library_noise_to
from core.errors import FanoutError, GateError, UserError
from pipeline.deployment import promotion
from pipeline.release import release, signing
from pipeline.release.assemble import ArtifactChanged, assemble
from pipeline.release.release import Release
from pipeline.settings import tuned
from pipeline.settings.config import Config
from pipeline.settings.lock import exclusive
from pipeline.stages import data
from pipeline.stages.component_lines import component_lines
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
    with exclusive(config.build.folder):
        fingerprint = Fingerprints.of(config).whole()
        made = bring_up_to_date(
            config, fingerprint, lambda: _make(config, fingerprint), promote=promote
        )
        is_current = release.current_version(config.build) == made.version
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
            promotion.promote(config, made)
        else:
            release.require_promotable(config.trust, made)
    except GateError:
        mark_for_retry(config, sorted({check.target for check in made.stopped_by}))
        raise
    return made


def _already_made(config: Config, fingerprint: str) -> Release | None:
    """Returns a whole, promotable release with this fingerprint: the current one, or the newest."""
    now = release.current_version(config.build)
    versions = [now] if now is not None else []
    for version in [*versions, *release.versions(config.build)[:-4:-1]]:
        try:
            candidate = Release.open(config.build.releases / str(version))
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
    _require_space(config.build.folder)
    CONSOLE.print(f"[bold]{config.spec.name}[/], profile {config.profile_name}")
    if config.tuned:
        CONSOLE.print(f"  tuned: {config.tuned}")
    elif tuned.read(config.build.folder):
        CONSOLE.print(
            f"  {tuned.FILE} is left aside: the profile's hyperparameters changed since then"
        )
    log = config.build.logs / f"run-{time.strftime('%Y%m%d-%H%M%S')}.log"
    with library_noise_to(log):
        from pipeline.commands.parts import parts_of_last_run

        data.prepare(config)
        _run_pipeline(config, log)
        return assemble(config, parts_of_last_run(config, fingerprint))


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
    if shutil.disk_usage(config.build.folder).free < FULL_BYTES:
        return FanoutError(
            f"the disk of {config.build.folder} is full; free some space and run again"
        )
    line = str(error).strip().splitlines() or [type(error).__name__]
    return FanoutError(f"the pipeline stopped: {type(error).__name__}: {line[0]} (log: {log})")


def as_json(made: Release) -> str:
    """Returns what ``--json`` prints of a release."""
    shown: dict[str, Any] = {"folder": str(made.folder), **made.manifest}
    return json.dumps(shown, indent=1)
