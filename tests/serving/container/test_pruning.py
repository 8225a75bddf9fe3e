"""What becomes of the images of releases that are pruned: real ones, in the engine's own store."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands import releases
from pipeline.deployment import promotion, release_images
from pipeline.deployment.rollout import CANARY, STABLE, switch
from pipeline.release import release
from pipeline.settings.config import Config
from serving.container.engine import Engine
from tests.serving import small_releases
from tests.serving.container.engine_here import engine_with_image

pytestmark = [pytest.mark.container, pytest.mark.timeout(3600)]
# A name of its own: this machine may have images of fashion.
MODEL = "fanout-test-pruning"
PUSHED = "localhost/fanout-test-pushed:1"
VERSIONS = range(1, 9)


@dataclass(frozen=True)
class Place:
    """A build folder with eight releases, and an engine that has an image of each.

    2, 3 and 4 are the previous release, the current one and a canary; 8 is the newest.
    """

    engine: Engine
    config: Config

    def name(self, version: int) -> str:
        return release_images.names(self.config.build.name, version)[0]

    def there(self) -> list[int]:
        return [one for one in VERSIONS if self.engine.has_image(self.name(one))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    engine, server = engine_with_image()
    place = Place(engine, new_config(tmp_path_factory.mktemp("builds")))
    for version in VERSIONS:
        made = small_releases.assemble(place.config, seed=version)
        release_images.with_release(engine, server, made, place.name(version))
    for version in (2, 3):
        promotion.promote(place.config, release.find(place.config.build, version))
    switch(place.config, {STABLE: 3, CANARY: 4})
    yield place
    engine.call("rm", "--force", MODEL, ignore_failure=True)
    for name in (*map(place.name, VERSIONS), PUSHED):
        engine.call("rmi", "--force", name, ignore_failure=True)


def new_config(builds: Path) -> Config:
    made = small_releases.place(builds, engine="embedded")
    return replace(made, spec=replace(made.spec, name=MODEL))


def test_images_go_with_their_releases_and_no_others(
    place: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine = place.engine
    # 5 is in use, 6 was given another name, and another build folder made the 7 that is there now.
    engine.call("create", f"--name={MODEL}", place.name(5))
    engine.call("tag", place.name(6), PUSHED)
    own_seventh = engine.image_id(place.name(7)).removeprefix("sha256:")
    other = small_releases.assemble(new_config(tmp_path), seed=70)
    release_images.with_release(engine, place.name(8), other, place.name(7))

    def prune(*, dry_run: bool) -> tuple[dict[str, Any], str]:
        monkeypatch.setattr(releases, "_config", lambda _: place.config)
        options = argparse.Namespace(keep=1, dry_run=dry_run, json=True)
        assert releases.prune_verb(options) == 0
        said = capsys.readouterr()
        return json.loads(said.out), said.err

    in_use = f"in use by container {MODEL}"
    gone = [place.name(1), place.name(6), f"{own_seventh[:12]} (without a name)"]
    for dry_run in (True, False):
        done, warnings = prune(dry_run=dry_run)
        assert sorted(done["removed"]) == ["1", "5", "6", "7"]
        assert done["images"] == gone
        assert done["images_left"] == {place.name(5): in_use}
        assert f"warning: image {place.name(5)} stays: {in_use}\n" in warnings
        assert engine.has_image(own_seventh) == dry_run
        assert place.there() == (list(VERSIONS) if dry_run else [2, 3, 4, 5, 7, 8])
    assert release.versions(place.config.build) == [2, 3, 4, 8]
    assert engine.has_image(PUSHED)
    assert engine.has_image(engine_with_image()[1])
