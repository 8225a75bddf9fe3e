"""``fanout prune``: removes old releases, never one that is needed."""

from dataclasses import dataclass

from pipeline import files, release, rollout
from pipeline.config import Config
from pipeline.errors import UserError


@dataclass(frozen=True)
class Pruning:
    """What a pruning removes and what it leaves.

    Attributes:
        removed: the bytes that each removed release held, by version.
        kept: why each of the others stays, by version.
    """

    removed: dict[int, int]
    kept: dict[int, str]

    @property
    def bytes(self) -> int:
        return sum(self.removed.values())


def plan(config: Config, keep: int) -> Pruning:
    """Returns what ``prune`` would do now.

    Raises:
        UserError: ``keep`` is below 1, or what is needed is not known.
    """
    if keep < 1:
        raise UserError(f"--keep must be at least 1, got {keep}: the newest release gives the next")
    kept = _needed(config)
    for version in release.versions(config)[-keep:]:
        kept.setdefault(version, f"among the newest {keep}" if keep > 1 else "the newest")
    removed = {
        version: files.size(config.releases / str(version))
        for version in release.versions(config)
        if version not in kept
    }
    return Pruning(removed, dict(sorted(kept.items())))


def prune(config: Config, keep: int) -> Pruning:
    """Removes all releases but the newest ``keep``, and returns what it removed.

    The current release stays, and so do the one that a rollback would go to and all that are
    deployed. Each release is gone in one step, whatever ends the pruning. Raises as ``plan``.
    """
    planned = plan(config, keep)
    if config.releases.is_dir():
        release.remove_leftovers(config)
    for version in planned.removed:
        files.remove_folder(config.releases / str(version))
    return planned


def _needed(config: Config) -> dict[int, str]:
    needed: dict[int, str] = {}
    now = release.current_version(config)
    if now is not None:
        needed[now] = "current"
    try:
        before = release.rollback_version(config)
    except UserError:
        # Which one it is cannot be read: all that may be it stay.
        everything = "what was promoted before is not known"
        needed |= dict.fromkeys(release.versions(config), everything)
        before = None
    if before is not None:
        needed.setdefault(before, "a rollback goes to it")
    for label, version in rollout.labels(config).items():
        needed.setdefault(version, f"deployed as {label}")
    return {version: why for version, why in needed.items() if version in release.versions(config)}
