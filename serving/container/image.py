"""Pulls and builds the images that serve a release, and finds them again by their inputs."""

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
    """Returns TensorFlow Serving's image, pulled if necessary. Raises FanoutError on failure."""
    if engine.has_image(OFFICIAL):
        return OFFICIAL
    attempt = f"pull {OFFICIAL} with {engine.name}"
    with failures.of_failures(work, attempt), _announced(attempt):
        engine.call("pull", "--quiet", OFFICIAL, timeout=PULL_SECONDS)
    return OFFICIAL


def server(engine: Engine, work: Path) -> str:
    """Returns the project's own image, built if there is none with the same inputs.

    Args:
        engine: builds and holds it.
        work: a folder for the build context, which is reused.

    Raises:
        FanoutError: it cannot be built, or could not be built last time with the same inputs.
    """
    digest = context.digest()
    name = f"{SERVER}:{digest[:16]}"
    if engine.has_image(name):
        return name
    attempt = f"build {name} with {engine.name}"
    with _one_at_a_time(work):
        if not engine.has_image(name):  # another process may have built it in the meantime
            _build(engine, work, name, attempt)
    return name


def _build(engine: Engine, work: Path, name: str, attempt: str) -> None:
    with (
        failures.of_failures(work, attempt),
        _announced(f"{attempt}, which takes a minute the first time"),
    ):
        base_image = base.image(engine, work)
        context.prepare(work / "context")
        _call_build(
            engine, name, work / "context" / "Containerfile", {"BASE": base_image}, work / "context"
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
    """Builds an image with a name and a label.

    Args:
        engine: builds and holds it.
        name: of the image.
        file: the Dockerfile.
        arguments: the values of its ARG instructions.
        folder: the build context.
        label: ``key=value``, to find the image by.

    Raises:
        FanoutError: it cannot be built.
    """
    with _announced(f"build {name} with {engine.name}"):
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
    # Podman's default format, OCI, does not support health checks.
    return ["--format=docker"] if engine.name == "podman" else []


@contextmanager
def _one_at_a_time(work: Path) -> Iterator[None]:
    """Waits until no other process builds an image in the folder."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def _announced(step: str) -> Iterator[None]:
    """Prints a slow step and shows it until it ends, so users know what they are waiting for."""
    CONSOLE.print(f"  {step} …")
    with CONSOLE.status(step):
        yield
