"""The single configuration: typed, frozen, built by the command line and passed down."""

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import UserError
from core.toolchain import ROOT
from models.spec import ModelSpec, Profile, load
from pipeline.settings import tuned
from pipeline.settings.build import DEFAULT_PROFILE, Build
from pipeline.settings.keys import Trust
from pipeline.settings.tuned import Tuned

ENGINES = ("auto", "docker", "podman", "embedded")
_MAX_PORT = 65_535


@dataclass(frozen=True)
class Config:
    """The model, the folders and the servers that a command works with.

    Attributes:
        spec: the model.
        profile_name: ``default`` or ``quick``.
        builds: the folder that holds the datasets and one build folder per model and profile.
        host: the address that servers listen on; other machines cannot reach the default.
        grpc_port, rest_port: the same defaults as TensorFlow Serving's.
        web_port: the port of the page.
        engine: what the model server runs in: ``auto``, ``docker``, ``podman`` or ``embedded``.
        memory: the memory limit of its container, in the engine's notation.
        restart: whether the engine starts its container again after the machine restarts.
        trust: the user's keys, which sign and verify releases.
        use_tuned: whether values that ``fanout tune`` found override the profile's own.
        request_log_rate: the share of requests that the server logs, for ``fanout monitor``.
    """

    spec: ModelSpec
    profile_name: str = DEFAULT_PROFILE
    builds: Path = ROOT / "build"
    host: str = "127.0.0.1"
    grpc_port: int = 8500
    rest_port: int = 8501
    web_port: int = 8080
    engine: str = "auto"
    memory: str = "2g"
    restart: bool = False
    trust: Trust = field(default_factory=Trust)
    request_log_rate: float = 0.0
    use_tuned: bool = True

    @classmethod
    def from_environment(cls, model: str, profile: str, engine: str | None = None) -> "Config":
        """Returns the configuration of a model and profile.

        Args:
            model: its name below models/.
            profile: one of the model's.
            engine: what the model server runs in; None to use ``ENGINE``.

        ``FANOUT_BUILD``, ``FANOUT_HOST``, ``GRPC_PORT``, ``REST_PORT``, ``WEB_PORT``, ``ENGINE``,
        ``FANOUT_MEMORY``, ``FANOUT_RESTART`` and ``REQUEST_LOG_RATE`` change the defaults, and so
        do the settings that ``Trust.from_environment`` reads.

        Raises:
            UserError: there is no such model, profile or engine, or a port, size or share is
                invalid.
        """
        spec = load(model)
        spec.profile(profile)
        return cls(
            spec=spec,
            profile_name=profile,
            builds=Path(os.environ.get("FANOUT_BUILD") or cls.builds).resolve(),
            host=os.environ.get("FANOUT_HOST") or cls.host,
            grpc_port=_port("GRPC_PORT", cls.grpc_port),
            rest_port=_port("REST_PORT", cls.rest_port),
            web_port=_port("WEB_PORT", cls.web_port),
            engine=_engine(engine),
            memory=_matching("FANOUT_MEMORY", cls.memory, "[1-9][0-9]*[mg]"),
            restart=_matching("FANOUT_RESTART", "0", "0|1") == "1",
            trust=Trust.from_environment(),
            request_log_rate=_share("REQUEST_LOG_RATE", cls.request_log_rate),
        )

    @classmethod
    def named_by_environment(cls) -> "Config":
        """Returns the configuration of ``MODEL`` and ``PROFILE``, which make passes on.

        Raises: the same errors as ``from_environment``.
        """
        model = os.environ.get("MODEL") or "fashion"
        return cls.from_environment(model, os.environ.get("PROFILE") or DEFAULT_PROFILE)

    @property
    def profile(self) -> Profile:
        """Returns the profile, with the values that ``fanout tune`` found for it.

        Raises:
            UserError: the file that holds them is damaged.
        """
        profile = self.spec.profile(self.profile_name)
        best = self.tuned
        if best is None:
            return profile
        return replace(profile, hyperparameters={**profile.hyperparameters, **best.values})

    @property
    def tuned(self) -> Tuned | None:
        """Returns the values that ``fanout tune`` found, if they apply to the profile.

        Raises:
            UserError: the file that holds them is damaged.
        """
        best = tuned.read(self.build.folder) if self.use_tuned else None
        applies = best and best.applies_to(self.spec.profile(self.profile_name))
        return best if applies else None

    @property
    def build(self) -> Build:
        """Returns the build folder of the model and profile; each profile has its own."""
        return Build(self.builds, self.spec.name, self.profile_name)

    @property
    def dataset(self) -> Path:
        """Returns the folder of the downloaded data, which profiles share."""
        return self.builds / "datasets" / self.spec.name

    @property
    def containers(self) -> Path:
        """Returns the folder in which container images are assembled, for all models."""
        return ROOT / "build" / "containers"


def _engine(given: str | None) -> str:
    if given is None:
        return _matching("ENGINE", Config.engine, "|".join(ENGINES))
    if given not in ENGINES:
        raise UserError(f"--engine must be one of {', '.join(ENGINES)}, got {given!r}")
    return given


def _matching(name: str, default: str, pattern: str) -> str:
    text = os.environ.get(name) or default
    if not re.fullmatch(pattern, text):
        raise UserError(f"{name} must match {pattern}, got {text!r}")
    return text


def _port(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or not 0 < int(text) <= _MAX_PORT:
        raise UserError(f"{name} must be a port from 1 to {_MAX_PORT}, got {text!r}")
    return int(text)


def _share(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UserError(f"{name} must be a share from 0 to 1, got {text!r}")
    return share
