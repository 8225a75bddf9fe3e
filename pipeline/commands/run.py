"""``fanout run``: data, DAG, release, promotion. Nothing is done twice."""

import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core import imports
from core.console import CONSOLE, library_noise_to
from core.errors import FanoutError, GateError, UserError
from pipeline.commands.table import print_checks
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

# The space that a run of a small model needs, with room for a second run.
NEEDED_BYTES = 256 << 20
FULL_BYTES = 4 << 20


def run(config: Config, *, promote: bool = True) -> Release:
    """Brings the current release up to date with the data, code and settings, and returns it.

    Args:
        config: the model, its profile and its build folder.
        promote: whether the release becomes the current one; a canary is tried out first.

    Raises:
        GateError: a gate did not pass; the current release stays.
        FanoutError: something that the user must fix.
    """
    with exclusive(config.build.folder):
        fingerprint = Fingerprints.of(config).whole()
        updated = bring_up_to_date(
            config, fingerprint, lambda: _make(config, fingerprint), promote=promote
        )
        is_current = release.current_version(config.build) == updated.version
        state = "is current" if is_current else "is not promoted"
        CONSOLE.print(f"  release {updated.version} {state}: {updated.folder}")
        return updated


def bring_up_to_date(
    config: Config, fingerprint: str, make: Callable[[], Release], *, promote: bool = True
) -> Release:
    """Returns the release with a fingerprint, and makes it the current one.

    Args:
        config: the model, its profile and its build folder.
        fingerprint: covers its data, code and settings.
        promote: whether it becomes the current one; if not, it must only be promotable.
        make: assembles it; called if there is no undamaged and promotable release yet.

    Raises: the same errors as ``run``. The next run repeats the checks that a gate rejected.
    """
    try:
        updated = _already_made(config, fingerprint) or make()
    except ArtifactChanged as error:
        mark_for_retry(config, [error.target, conversion(error.target)])
        raise
    if config.trust.signs and not updated.is_signed:
        signing.sign(config, updated)
    try:
        if promote:
            promotion.promote(config, updated)
        else:
            release.require_promotable(config.trust, updated)
    except GateError:
        if updated.stopped_by:
            title = f"Release {updated.version} of {config.build.name}, not promoted"
            made_up = config.spec.made_up
            print_checks(CONSOLE, updated.checks, title=title, made_up=made_up)
        mark_for_retry(config, sorted({check.target for check in updated.stopped_by}))
        raise
    return updated


def _already_made(config: Config, fingerprint: str) -> Release | None:
    """Returns an undamaged, promotable release with this fingerprint: current, or else newest."""
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
            f"the disk of {build} is full: a run needs {NEEDED_BYTES >> 20} MiB, but only "
            f"{free >> 20} MiB are free; free some space and run again"
        )


def _make(config: Config, fingerprint: str) -> Release:
    _require_space(config.build.folder)
    CONSOLE.print(f"[bold]{config.spec.name}[/], profile {config.profile_name}")
    if config.tuned:
        CONSOLE.print(f"  tuned: {config.tuned}")
    elif tuned.read(config.build.folder):
        CONSOLE.print(f"  {tuned.FILE} is not used: the profile's hyperparameters changed since")
    log = config.build.logs / f"run-{time.strftime('%Y%m%d-%H%M%S')}.log"
    with library_noise_to(log):
        with imports.large():
            from pipeline.commands.parts import parts_of_last_run, refused_targets

        data.prepare(config)
        _run_pipeline(config, log)
        parts = parts_of_last_run(config, fingerprint)
        # A conversion that failed may have met a full memory, and is not taken from the cache.
        mark_for_retry(config, map(conversion, refused_targets(config, parts)))
        return assemble(config, parts)


def _run_pipeline(config: Config, log: Path) -> None:
    with CONSOLE.status("loading TFX"), imports.large():
        from pipeline.stages import in_process
        from pipeline.stages.dag import create_pipeline
    with component_lines(log):
        try:
            in_process.run(create_pipeline(config))
        except Exception as error:
            logging.exception("the run stopped")
            raise in_words(error, config, log) from error


def in_words(error: Exception, config: Config, log: Path) -> FanoutError:
    """Returns the project's own error if it is the cause, otherwise one that names the log."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FanoutError):
            return cause
        cause = cause.__cause__ or cause.__context__
    # TensorFlow, Beam and SQLite each report a full disk differently.
    if shutil.disk_usage(config.build.folder).free < FULL_BYTES:
        return FanoutError(
            f"the disk of {config.build.folder} is full; free some space and run again"
        )
    line = str(error).strip().splitlines() or [type(error).__name__]
    return FanoutError(f"the pipeline stopped: {type(error).__name__}: {line[0]} (log: {log})")


def as_json(result: Release) -> str:
    """Returns what ``--json`` prints for a release."""
    shown: dict[str, Any] = {"folder": str(result.folder), **result.manifest}
    return json.dumps(shown, indent=1)
