"""The choice of server: TensorFlow Serving's image, the project's, or no container."""

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
    """A chosen server.

    Attributes:
        engine: the container engine, None for the embedded server.
        image: the server's image, empty for the embedded server.
        reason: the reason for the choice, in words.
    """

    engine: Engine | None
    image: str
    reason: str

    def __str__(self) -> str:
        name = f"{self.image} in {self.engine.name}" if self.engine else "the embedded server"
        return f"{name}: {self.reason}"


def choose(config: Config) -> Choice:
    """Returns the best server that is available here, after its image was pulled or built.

    Raises:
        UserError: ``ENGINE`` names an engine that is not available.
        FanoutError: that engine can neither pull nor build an image.
    """
    if config.engine == EMBEDDED:
        return Choice(None, "", "ENGINE=embedded")
    if config.engine == AUTO:
        return _automatic(config)
    engine = engines.find(config.engine)
    # An engine that is named explicitly is tried again, whatever happened before.
    failures.forget(config.containers)
    chosen, reasons = _image(engine, config.containers)
    if chosen is None:
        raise FanoutError(f"no image for {engine.name}: {'; '.join(reasons)}")
    return Choice(engine, chosen, f"ENGINE={engine.name}")


def _automatic(config: Config) -> Choice:
    available = engines.available()
    if not available:
        return Choice(None, "", "neither Docker nor Podman can be used here")
    reasons = []
    for engine in available:
        chosen, why_not = _image(engine, config.containers)
        if chosen is not None:
            return Choice(engine, chosen, "; ".join(why_not) or "TensorFlow Serving's own image")
        reasons += why_not
    return Choice(None, "", "; ".join(reasons))


def _image(engine: Engine, work: Path) -> tuple[str | None, list[str]]:
    """Returns an image, and the reasons why a better one cannot be used."""
    reasons: list[str] = []
    for what, get in (("TensorFlow Serving's image", image.official), ("own image", image.server)):
        try:
            return get(engine, work), reasons
        except FanoutError as error:
            reasons.append(f"{what} is not available ({_cause(error)})")
    return None, reasons


def _cause(error: Exception) -> str:
    """Returns the innermost of the nested causes in an engine's message, with its location."""
    return ": ".join(str(error).split(": ")[-2:])
