"""Images with a release baked in: found again by the release they hold, and removed."""

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
        engine: in whose store it is.
        id: the engine's.
        names: those that it was given here; none for one that was built anew since.
        other_names: those that somebody else gave it, to push it for example.
    """

    engine: Engine
    id: str
    names: tuple[str, ...]
    other_names: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.names) or f"{self.id[:12]} (without a name)"

    def problem(self) -> str:
        """Returns why it cannot be removed; empty when it can."""
        containers = self.engine.call(
            "ps", "--all", f"--filter=ancestor={self.id}", "--format={{.Names}}"
        )
        if containers:
            return f"in use by container {', '.join(containers.split())}"
        if not self.names and self.other_names:
            return f"called {', '.join(self.other_names)}"
        return ""

    def remove(self) -> None:
        """Removes it; one that somebody else gave a name keeps that and loses ours.

        Raises:
            EngineFailed: the engine refuses, as it does while a container uses it.
        """
        for name in self.names or (self.id,):
            self.engine.call("rmi", name)


def names(build: str, version: int) -> tuple[str, str]:
    """Returns what the images of a release are called: of the project's server, and the official.

    Args:
        build: the name of the model's build folder.
        version: the release's.
    """
    own, official = (
        f"localhost/{build}{suffix}:{version}" for suffix in ("", "-tensorflow-serving")
    )
    return own, official


def label(release: Path) -> str:
    """Returns the label of the images of a release: other build folders give the same names."""
    return f"{LABEL}=sha256:{sha256(release / MANIFEST)}"


def with_release(engine: Engine, server_image: str, release: Release, tag: str) -> str:
    """Returns ``tag`` after an image was built of a server with a release's SavedModel baked in.

    Args:
        engine: builds and holds it.
        server_image: TensorFlow Serving's image, or the project's.
        release: the release.
        tag: what the image is to be called.

    Raises:
        FanoutError: it cannot be built.
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
    """Returns the images of each of the releases, by version, in all engines of this machine.

    Args:
        build: the name of the model's build folder.
        releases: their folders; one without a manifest has no images that could be told.

    Raises:
        EngineFailed: an engine does not say what it holds.
    """
    versions = {
        label(folder): int(folder.name) for folder in releases if (folder / MANIFEST).is_file()
    }
    found: dict[int, list[ReleaseImage]] = {}
    for engine in engines.available() if versions else ():
        for image_id, its_label, its_names in _labelled(engine):
            version = versions.get(its_label)
            if version is None:
                continue
            ours = tuple(name for name in its_names if name in names(build, version))
            others = tuple(name for name in its_names if name not in ours)
            found.setdefault(version, []).append(ReleaseImage(engine, image_id, ours, others))
    return found


def _labelled(engine: Engine) -> list[tuple[str, str, list[str]]]:
    """Returns identifier, label and names of each image that holds a release."""
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
