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
    """What was built.

    Attributes:
        engine: whose store has it.
        server: the project's server without a model.
        release: the same with the current release baked in, empty when nothing is promoted.
        official: TensorFlow Serving's with that release, empty when it cannot be pulled.
        kubernetes: the file with the objects that run the release's image on Kubernetes.
        notes: why something is missing.
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
    """Returns the images after they were built.

    Raises:
        UserError: there is no engine here to build with.
        FanoutError: the server's image cannot be built.
        GateError: a file of the release is not what the manifest says, or its signature does not
            hold.
    """
    engine = _engine(config)
    failures.forget(config.containers)
    server = image.server(engine, config.containers)
    promoted = release.current(config.build)
    if promoted is None:
        note = f"nothing of {config.build.name} is promoted yet: no image has a release in it"
        return Images(engine.name, server, notes=[note])
    release.require_sound(config.trust, promoted, "Image")
    name = config.spec.name
    tags = release_images.names(config.build.name, promoted.version)
    own = release_images.with_release(engine, server, promoted, tags[0])
    on_kubernetes = config.build.folder / "kubernetes.yaml"
    write_text(on_kubernetes, manifest(name, own))
    try:
        base = image.official(engine, config.containers)
        official = release_images.with_release(engine, base, promoted, tags[1])
    except FanoutError as error:
        note = f"not built: {tags[1]}: {image.OFFICIAL} cannot be pulled here: {error}"
        return Images(engine.name, server, own, kubernetes=str(on_kubernetes), notes=[note])
    return Images(engine.name, server, own, official, str(on_kubernetes))


def _engine(config: Config) -> Engine:
    if config.engine in engines.ENGINES:
        return engines.find(config.engine)
    here = engines.available()
    if not here:
        raise UserError(
            "neither Docker nor Podman can be used here; on Debian and Ubuntu as root: "
            "sh scripts/container_engine.sh"
        )
    return here[0]
