"""The images that a release is served from: pulled, built, and found again by their inputs."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.console import CONSOLE
from serving.container import base, context, failures
from serving.container.engine import Engine

OFFICIAL = "docker.io/tensorflow/serving:2.19.1"
SERVER = "localhost/fanout-model-server"
PULL_SECONDS = 900.0
BUILD_SECONDS = 900.0
DOCKERFILE = Path(__file__).with_name("Dockerfile")


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
        _call_build(
            engine, name, work / "context" / "Containerfile", {"BASE": built_on}, work / "context"
        )


def build(
    engine: Engine,
    name: str,
    file: Path,
    arguments: Mapping[str, str],
    folder: Path,
    *,
    label: str,
) -> None:
    """Builds an image that goes by a name and a label.

    Args:
        engine: builds and holds it.
        name: what the image is to be called.
        file: the Dockerfile.
        arguments: the values of its ARG instructions.
        folder: the build context.
        label: ``key=value``, to find the image by.

    Raises:
        FanoutError: it cannot be built.
    """
    with _said(f"build {name} with {engine.name}"):
        _call_build(engine, name, file, arguments, folder, f"--label={label}")


def _call_build(
    engine: Engine, name: str, file: Path, arguments: Mapping[str, str], folder: Path, *more: str
) -> None:
    engine.call(
        *("build", *_format(engine), f"--tag={name}", *more),
        *(f"--build-arg={key}={value}" for key, value in arguments.items()),
        *(f"--file={file}", str(folder)),
        timeout=BUILD_SECONDS,
    )


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
