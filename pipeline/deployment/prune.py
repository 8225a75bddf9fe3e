"""``fanout prune``: removes old releases, but none that is still needed."""

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
    """The releases and images that a pruning removes and keeps.

    Attributes:
        removed: the size in bytes of each removed release, by version.
        kept: the reason why each of the others stays, by version.
        images: the container images that are removed with their releases.
        images_left: the reason why each other image of a removed release stays, by its name.
    """

    removed: dict[int, int]
    kept: dict[int, str]
    images: list[str] = field(default_factory=list)
    images_left: dict[str, str] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(self.removed.values())


def plan(config: Config, keep: int) -> Pruning:
    """Returns the releases that ``prune`` would remove now, without their images.

    Raises:
        UserError: ``keep`` is below 1, or the labels of the deployed releases are unknown.
    """
    if keep < 1:
        raise UserError(
            f"--keep must be at least 1, got {keep}: the newest version sets the next version"
        )
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

    The current release stays, as do the one that a rollback would go to and all deployed ones. Each
    release is removed in one step, whatever ends the pruning. Its images are removed first, as only
    the release identifies them. A dry run removes nothing.

    Raises: the same errors as ``plan``.
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
    """Returns why an image stays; empty if it was removed, or would have been."""
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
        # The rollback's release is unknown, so every release stays.
        everything = "the earlier promotions are unknown"
        needed |= dict.fromkeys(release.versions(config.build), everything)
        before = None
    if before is not None:
        needed.setdefault(before, "a rollback goes to it")
    for label, version in rollout.labels(config).items():
        needed.setdefault(version, f"deployed as {label}")
    return {
        version: why for version, why in needed.items() if version in release.versions(config.build)
    }
