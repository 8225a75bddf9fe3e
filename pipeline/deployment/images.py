"""``fanout image``: the server's image, and images with the current release baked in."""

from dataclasses import asdict, dataclass, field
from typing import Any

from core.errors import FanoutError, UserError
from core.files import write_text
from pipeline.deployment import release_images
from pipeline.release import release
from pipeline.settings.config import Config
from serving.container import engine as engines
from serving.container import failures, image
from serving.container.engine import Engine
from serving.kubernetes.manifest import manifest


@dataclass(frozen=True)
class Images:
    """The images that were built.

    Attributes:
        engine: the engine whose store holds them.
        server: the image of the project's server without a model.
        release: the same with the current release baked in; empty if nothing is promoted.
        official: TensorFlow Serving's image with that release; empty if it cannot be pulled.
        kubernetes: the file with the objects that run the release's image on Kubernetes.
        notes: the reasons for missing images.
    """

    engine: str
    server: str
    release: str = ""
    official: str = ""
    kubernetes: str = ""
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def to_text(self) -> str:
        rows = (
            ("server", self.server),
            ("with the release", self.release),
            ("TensorFlow Serving with the release", self.official),
            ("on Kubernetes", self.kubernetes),
        )
        lines = [f"  {what:<36} {name}" for what, name in rows if name]
        return "\n".join([f"images of {self.engine}:", *lines, *(f"  {one}" for one in self.notes)])


def build_images(config: Config) -> Images:
    """Builds the images and returns them.

    Raises:
        UserError: there is no engine here to build with.
        FanoutError: the server's image cannot be built.
        GateError: a file of the release differs from the manifest, or its signature does not hold.
    """
    engine = _engine(config)
    failures.forget(config.containers)
    server = image.server(engine, config.containers)
    promoted = release.current(config.build)
    if promoted is None:
        note = f"nothing of {config.build.name} is promoted yet, so no image holds a release"
        return Images(engine.name, server, notes=[note])
    release.require_sound(config.trust, promoted, "Image")
    name = config.spec.name
    tags = release_images.names(config.build.name, promoted.version)
    ours = release_images.with_release(engine, server, promoted, tags[0])
    on_kubernetes = config.build.folder / "kubernetes.yaml"
    write_text(on_kubernetes, manifest(name, ours))
    try:
        base = image.official(engine, config.containers)
        official = release_images.with_release(engine, base, promoted, tags[1])
    except FanoutError as error:
        note = f"not built: {tags[1]}: {image.OFFICIAL} cannot be pulled here: {error}"
        return Images(engine.name, server, ours, kubernetes=str(on_kubernetes), notes=[note])
    return Images(engine.name, server, ours, official, str(on_kubernetes))


def _engine(config: Config) -> Engine:
    if config.engine in engines.ENGINES:
        return engines.find(config.engine)
    available = engines.available()
    if not available:
        raise UserError(
            "neither Docker nor Podman can be used here; to install one on Debian or Ubuntu, run "
            "as root: sh scripts/container_engine.sh"
        )
    return available[0]
