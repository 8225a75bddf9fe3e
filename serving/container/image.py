"""The images that a release is served from: pulled, built, and found again by their inputs."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.console import CONSOLE
from pipeline.deployment import release_images
from serving.container import base, context, failures
from serving.container.engine import Engine
from serving.container.models_config import write_models_config

OFFICIAL = "docker.io/tensorflow/serving:2.19.1"
SERVER = "localhost/fanout-model-server"
PULL_SECONDS = 900.0
BUILD_SECONDS = 900.0
HERE = Path(__file__).parent


def official(engine: Engine, work: Path) -> str:
    """Returns TensorFlow Serving's own image, pulled if need be. Raises FanoutError if it can't."""
    if engine.has_image(OFFICIAL):
        return OFFICIAL
    attempt = f"pull {OFFICIAL} with {engine.name}"
    with failures.of_failures(work, attempt), _said(attempt):
        engine.call("pull", "--quiet", OFFICIAL, timeout=PULL_SECONDS)
    return OFFICIAL


def server(engine: Engine, work: Path) -> str:
    """Returns the project's own image, built if there is none of the same inputs.

    Args:
        engine: builds and holds it.
        work: a folder for the build context, which is used again.

    Raises:
        FanoutError: it cannot be built, or could not the last time with the same inputs.
    """
    digest = context.digest()
    name = f"{SERVER}:{digest[:16]}"
    if engine.has_image(name):
        return name
    attempt = f"build {name} with {engine.name}"
    with _one_at_a_time(work):
        if not engine.has_image(name):  # somebody else may have built it in the meantime
            _build(engine, work, name, attempt)
    return name


def _build(engine: Engine, work: Path, name: str, attempt: str) -> None:
    with failures.of_failures(work, attempt), _said(f"{attempt}, which takes a minute once"):
        built_on = base.image(engine, work)
        context.prepare(work / "context")
        engine.call(
            *("build", *_format(engine), f"--build-arg=BASE={built_on}", f"--tag={name}"),
            *(f"--file={work / 'context' / 'Containerfile'}", str(work / "context")),
            timeout=BUILD_SECONDS,
        )


def with_release(engine: Engine, server_image: str, release: Path, model: str, tag: str) -> str:
    """Returns ``tag`` after an image was built of a server with a release's SavedModel baked in.

    Args:
        engine: builds and holds it.
        server_image: TensorFlow Serving's image, or the project's.
        release: the release's folder; its name is the version.
        model: the model's name.
        tag: what the image is to be called.

    Raises:
        FanoutError: it cannot be built.
    """
    version = int(release.name)
    with tempfile.TemporaryDirectory(prefix="fanout-image-") as folder:
        models = Path(folder) / "models"
        shutil.copytree(release / "serving" / model, models / model)
        write_models_config(models / "models.config", model, Path("/models"), {"stable": version})
        for path in (Path(folder), *models.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        with _said(f"build {tag} with {engine.name}"):
            engine.call(
                *("build", *_format(engine), f"--build-arg=SERVER={server_image}"),
                *(f"--build-arg=MODEL={model}", f"--tag={tag}"),
                f"--label={release_images.label(release)}",
                *(f"--file={HERE / 'Dockerfile'}", folder),
                timeout=BUILD_SECONDS,
            )
    return tag


def _format(engine: Engine) -> list[str]:
    # Podman's default, OCI's format, has no place for a health check.
    return ["--format=docker"] if engine.name == "podman" else []


@contextmanager
def _one_at_a_time(work: Path) -> Iterator[None]:
    """Waits until nobody else puts an image together in the folder."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Says what takes its time, and that it ended: nobody should wait without knowing for what."""
    CONSOLE.print(f"  {what} …")
    with CONSOLE.status(what):
        yield
