"""Which server a deployment runs: TensorFlow Serving's image, the project's, or one without."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import FanoutError
from pipeline.settings.config import Config
from serving.container import engine as engines
from serving.container import failures, image
from serving.container.engine import Engine

AUTO, EMBEDDED = "auto", "embedded"


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        engine: the container engine, None for the embedded server.
        image: the server's image, empty for the embedded server.
        reason: why, for a person.
    """

    engine: Engine | None
    image: str
    reason: str

    def __str__(self) -> str:
        name = f"{self.image} in {self.engine.name}" if self.engine else "the embedded server"
        return f"{name}: {self.reason}"


def choose(config: Config) -> Choice:
    """Returns the best server that can be had here, after its image was pulled or built.

    Raises:
        UserError: ``ENGINE`` names an engine that is not here, or none.
        FanoutError: that engine can neither pull nor build an image.
    """
    if config.engine == EMBEDDED:
        return Choice(None, "", "ENGINE=embedded")
    if config.engine == AUTO:
        return _automatic(config)
    engine = engines.find(config.engine)
    # What was asked for by name is tried again, whatever happened before.
    failures.forget(config.containers)
    found, reasons = _image(engine, config.containers)
    if found is None:
        raise FanoutError(f"no image for {engine.name}: {'; '.join(reasons)}")
    return Choice(engine, found, f"ENGINE={engine.name}")


def _automatic(config: Config) -> Choice:
    here = engines.available()
    if not here:
        return Choice(None, "", "neither Docker nor Podman can be used here")
    reasons = []
    for engine in here:
        found, why_not = _image(engine, config.containers)
        if found is not None:
            return Choice(engine, found, "; ".join(why_not) or "TensorFlow Serving's own image")
        reasons += why_not
    return Choice(None, "", "; ".join(reasons))


def _image(engine: Engine, work: Path) -> tuple[str | None, list[str]]:
    """Returns an image and what stood against a better one."""
    reasons: list[str] = []
    for what, get in (("TensorFlow Serving's image", image.official), ("own image", image.server)):
        try:
            return get(engine, work), reasons
        except FanoutError as error:
            reasons.append(f"{what} cannot be had ({_cause(error)})")
    return None, reasons


def _cause(error: Exception) -> str:
    """Returns the innermost of the nested causes that engines put in a line, and where it was."""
    return ": ".join(str(error).split(": ")[-2:])
