"""``fanout prune``: removes old releases, never one that is needed."""

from dataclasses import dataclass, field, replace

from core import files
from core.errors import UserError
from pipeline.deployment import release_images, rollout
from pipeline.deployment.release_images import ReleaseImage
from pipeline.release import release
from pipeline.settings.config import Config
from serving.container.engine import EngineFailed


@dataclass(frozen=True)
class Pruning:
    """What a pruning removes and what it leaves.

    Attributes:
        removed: the bytes that each removed release held, by version.
        kept: why each of the others stays, by version.
        images: the container images of the removed releases that go with them.
        images_left: why another one of theirs stays, by its name.
    """

    removed: dict[int, int]
    kept: dict[int, str]
    images: list[str] = field(default_factory=list)
    images_left: dict[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(self.removed.values())


def plan(config: Config, keep: int) -> Pruning:
    """Returns which releases ``prune`` would remove now, without their images.

    Raises:
        UserError: ``keep`` is below 1, or what is needed is not known.
    """
    if keep < 1:
        raise UserError(f"--keep must be at least 1, got {keep}: the newest release gives the next")
    kept = _needed(config)
    for version in release.versions(config.build)[-keep:]:
        kept.setdefault(version, f"among the newest {keep}" if keep > 1 else "the newest")
    removed = {
        version: files.size(config.build.releases / str(version))
        for version in release.versions(config.build)
        if version not in kept
    }
    return Pruning(removed, dict(sorted(kept.items())))


def prune(config: Config, keep: int, *, dry_run: bool = False) -> Pruning:
    """Removes all releases but the newest ``keep``, and returns what it removed.

    The current release stays, and so do the one that a rollback would go to and all that are
    deployed. Each release is gone in one step, whatever ends the pruning; its images go before it,
    as nothing else tells whose they are. Nothing is removed in a dry run. Raises as ``plan``.
    """
    planned = plan(config, keep)
    if config.build.releases.is_dir() and not dry_run:
        release.remove_leftovers(config.build)
    removed: list[str] = []
    left: dict[str, str] = {}
    folders = {version: config.build.releases / str(version) for version in planned.removed}
    try:
        images = release_images.find(config.build.name, folders.values())
    except EngineFailed as error:
        images, left = {}, {"of a removed release": str(error)}
    for version, folder in folders.items():
        for image in images.get(version, ()):
            if problem := _problem(image, dry_run=dry_run):
                left[str(image)] = problem
            else:
                removed.append(str(image))
        if not dry_run:
            files.remove_folder(folder)
    return replace(planned, images=removed, images_left=left)


def _problem(image: ReleaseImage, *, dry_run: bool) -> str:
    """Returns why an image stays; empty when it was removed, or would have been."""
    try:
        problem = image.problem()
        if not problem and not dry_run:
            image.remove()
    except EngineFailed as error:
        return str(error)
    return problem


def _needed(config: Config) -> dict[int, str]:
    needed: dict[int, str] = {}
    now = release.current_version(config.build)
    if now is not None:
        needed[now] = "current"
    try:
        before = release.rollback_version(config.build)
    except UserError:
        # Which one it is cannot be read: all that may be it stay.
        everything = "what was promoted before is not known"
        needed |= dict.fromkeys(release.versions(config.build), everything)
        before = None
    if before is not None:
        needed.setdefault(before, "a rollback goes to it")
    for label, version in rollout.labels(config).items():
        needed.setdefault(version, f"deployed as {label}")
    return {
        version: why for version, why in needed.items() if version in release.versions(config.build)
    }
