"""Images with a release baked in: built, found again by their release, and removed."""

import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.files import sha256
from pipeline.release.integrity import MANIFEST
from pipeline.release.release import Release
from serving.container import engine as engines
from serving.container import image
from serving.container.engine import Engine
from serving.container.models_config import write_models_config
from serving.released import place

LABEL = "fanout.release"


@dataclass(frozen=True)
class ReleaseImage:
    """An image that holds a release.

    Attributes:
        engine: the engine whose store holds it.
        id: the engine's id of it.
        names: the names that this project gave it; none if the image was built again since.
        other_names: names that somebody else gave it, for example to push it.
    """

    engine: Engine
    id: str
    names: tuple[str, ...]
    other_names: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.names) or f"{self.id[:12]} (without a name)"

    def problem(self) -> str:
        """Returns why it cannot be removed; empty if it can."""
        containers = self.engine.call(
            "ps", "--all", f"--filter=ancestor={self.id}", "--format={{.Names}}"
        )
        if containers:
            return f"in use by container {', '.join(containers.split())}"
        if not self.names and self.other_names:
            return f"called {', '.join(self.other_names)}"
        return ""

    def remove(self) -> None:
        """Removes it; an image that somebody else named keeps that name and loses the others.

        Raises:
            EngineFailed: the engine refuses, for example because a container uses it.
        """
        for name in self.names or (self.id,):
            self.engine.call("rmi", name)


def names(build: str, version: int) -> tuple[str, str]:
    """Returns the names of a release's images: the project's server, and the official one.

    Args:
        build: the name of the model's build folder.
        version: the release's version.
    """
    project, official = (
        f"localhost/{build}{suffix}:{version}" for suffix in ("", "-tensorflow-serving")
    )
    return project, official


def label(release: Path) -> str:
    """Returns the label of a release's images. Names do not suffice: build folders share them."""
    return f"{LABEL}=sha256:{sha256(release / MANIFEST)}"


def with_release(engine: Engine, server_image: str, release: Release, tag: str) -> str:
    """Builds an image of a server with a release's SavedModel baked in, and returns ``tag``.

    Args:
        engine: the engine that builds and holds the image.
        server_image: TensorFlow Serving's image, or the project's.
        release: the release.
        tag: the image's name.

    Raises:
        FanoutError: the image cannot be built.
    """
    model, version = str(release.manifest["model"]), release.version
    with tempfile.TemporaryDirectory(prefix="fanout-image-") as folder:
        models = Path(folder) / "models"
        shutil.copytree(release.saved_model, models / place(model, version))
        write_models_config(models / "models.config", model, Path("/models"), {"stable": version})
        for path in (Path(folder), *models.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        arguments = {"SERVER": server_image, "MODEL": model}
        image.build(
            *(engine, tag, image.DOCKERFILE, arguments, Path(folder)), label=label(release.folder)
        )
    return tag


def find(build: str, releases: Iterable[Path]) -> dict[int, list[ReleaseImage]]:
    """Returns the images of each release, by version, in all engines of this machine.

    Args:
        build: the name of the model's build folder.
        releases: the releases' folders; without a manifest a release's images cannot be found.

    Raises:
        EngineFailed: an engine does not list its images.
    """
    versions = {
        label(folder): int(folder.name) for folder in releases if (folder / MANIFEST).is_file()
    }
    images: dict[int, list[ReleaseImage]] = {}
    for engine in engines.available() if versions else ():
        for image_id, its_label, its_names in _labelled(engine):
            version = versions.get(its_label)
            if version is None:
                continue
            ours = tuple(name for name in its_names if name in names(build, version))
            others = tuple(name for name in its_names if name not in ours)
            images.setdefault(version, []).append(ReleaseImage(engine, image_id, ours, others))
    return images


def _labelled(engine: Engine) -> list[tuple[str, str, list[str]]]:
    """Returns the id, label and names of each image that holds a release."""
    ids = engine.call("images", "--quiet", "--no-trunc", f"--filter=label={LABEL}").split()
    if not ids:
        return []
    inspected = json.loads(engine.call("image", "inspect", *dict.fromkeys(ids)))
    return [
        (
            one["Id"].removeprefix("sha256:"),
            f"{LABEL}={one['Config']['Labels'][LABEL]}",
            one["RepoTags"] or [],
        )
        for one in inspected
    ]
