"""Promotion and rollback: each puts a release in front of clients in one step."""

from contextlib import suppress

from core.console import CONSOLE
from core.errors import FanoutError, UserError
from core.files import replace_link
from pipeline.deployment import rollout
from pipeline.release import history, release
from pipeline.release.release import Release
from pipeline.settings.config import Config


def promote(config: Config, chosen: Release) -> None:
    """Makes a release the current one.

    Raises:
        GateError: a required check did not pass, or a file differs from its checksum. The current
            release stays.
    """
    release.require_promotable(config.trust, chosen)
    _switch(config, chosen.version)


def rollback(config: Config) -> Release:
    """Promotes the release that was current before, and returns it.

    Raises:
        UserError: no earlier release was ever promoted, none of them still exists, or the earlier
            promotions are unknown.
        GateError: the earlier release is damaged; the current one stays.
    """
    version = release.rollback_version(config.build)
    if version is None:
        raise UserError(f"{config.build.name} has no earlier promoted release to go back to")
    earlier = release.find(config.build, version)
    release.require_promotable(config.trust, earlier)
    _switch(config, version, back=True)
    return earlier


def held_canary(config: Config, stable: int) -> dict[str, int]:
    """Returns the label of a canary that is held beside a release; empty if there is none.

    A canary with changed files or failed checks is not kept; a line on the terminal says why.
    """
    version = rollout.served(config).get(rollout.CANARY, stable)
    if version == stable:
        return {}
    try:
        release.require_promotable(config.trust, release.find(config.build, version))
    except FanoutError as error:
        CONSOLE.print(f"  the canary cannot be kept: {error}", soft_wrap=True)
        return {}
    CONSOLE.print(f"  release {version} is kept as canary")
    return {rollout.CANARY: version}


def _switch(config: Config, version: int, *, back: bool = False) -> None:
    build = config.build
    release.remove_leftovers(build)
    now = release.current_version(build)
    canary = held_canary(config, version) if now == version else {}
    # This comes first, as this step may fail.
    rollout.switch(config, {rollout.STABLE: version, **canary})
    if now == version:
        return
    try:
        history.record(build.promotions, now, version, back=back)
        replace_link(build.current, str(version))
    except OSError:
        if now is not None:
            with suppress(OSError, FanoutError):
                rollout.switch(config, {rollout.STABLE: now})
        raise
