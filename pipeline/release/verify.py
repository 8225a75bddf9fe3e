"""``fanout check``: verifies a release's checksums, and then runs every check again."""

from collections.abc import Iterator

from core.agreement import extremes
from core.agreement.checks import Check
from core.agreement.golden import Golden, golden_set
from core.errors import UserError
from pipeline.release.release import Release, require_sound
from pipeline.release.signature import state
from pipeline.settings.config import Config
from pipeline.targets import target_named, targets_of


def check_release(config: Config, release: Release) -> list[Check]:
    """Returns fresh rows for every target that the model has.

    The SavedModel inside the release is the reference; the test split comes from the build
    folder's TFRecords.

    Raises:
        GateError: a file differs from the manifest, or the signature does not hold; nothing of the
            release is run then.
        UserError: the release has no SavedModel, or the build folder has no test split.
    """
    require_sound(config.trust, release, "Checksums")
    saved_model = release.saved_model
    if not (saved_model / "saved_model.pb").is_file():
        raise UserError(
            f"release {release.version} has no SavedModel, because its serving check did not pass, "
            "so there is nothing to compare with; check another release"
        )
    if not list((config.build.tfrecords / "test").glob("*.tfrecord")):
        raise UserError(f"there is no test split in {config.build.tfrecords}; run: fanout run")
    pattern = str(config.build.tfrecords / "test" / "*.tfrecord")
    golden = golden_set(saved_model, config.spec, pattern).with_extremes(
        extremes.of_saved_model(saved_model, config.spec)
    )
    targets = targets_of(config.spec)
    return [row for target in targets for row in _check(config, release, target, golden)]


def soundness(config: Config, release: Release) -> str:
    """Returns the state of a release that passed ``check_release``'s first step, as a sentence."""
    files = len(release.manifest["files"])
    return f"{files} files match the manifest, signature: {state(config.trust, release.folder)}"


def _check(config: Config, release: Release, target: str, golden: Golden) -> Iterator[Check]:
    runner = target_named(target)
    yield from runner.check(
        runner.artifacts(release.part(target), spec=config.spec),
        golden.head(runner.examples(config.profile)),
        limits=config.spec.limits[target],
    )
