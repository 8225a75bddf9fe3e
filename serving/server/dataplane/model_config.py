"""The models that a server serves, and their versions: from flags or a models.config file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving.server.dataplane.statuses import Code, ServingError, invalid

# LogCollectorConfig.type, the format of records; without one, TFRecords are written too.
LOG_TYPES = ("tfrecord", "")


@dataclass(frozen=True)
class Policy:
    """Selects the versions to serve from those that are on disk.

    Attributes:
        latest: how many of the highest numbers to serve; None for all.
        specific: serve exactly these numbers; empty to apply ``latest``.
    """

    latest: int | None = 1
    specific: tuple[int, ...] = ()

    def choose(self, on_disk: Sequence[int]) -> list[int]:
        """Returns the versions to serve, in ascending order."""
        if self.specific:
            return sorted(set(on_disk) & set(self.specific))
        ordered = sorted(on_disk)
        return ordered if self.latest is None else ordered[-self.latest :]


@dataclass(frozen=True)
class Sampling:
    """The share of a model's requests that is logged, and the files to log to.

    Attributes:
        prefix: of the files; the time and a suffix are added to it.
        rate: the share of requests, from 0 to 1.
    """

    prefix: Path
    rate: float


@dataclass(frozen=True)
class ModelConfig:
    """A model to serve from ``<base_path>/<version>/saved_model.pb``."""

    name: str
    base_path: Path
    policy: Policy = field(default_factory=Policy)
    labels: Mapping[str, int] = field(default_factory=dict)
    logging: Sampling | None = None


def parse(text: str) -> list[ModelConfig]:
    """Returns the models of a ModelServerConfig in text form.

    Raises ServingError (INVALID_ARGUMENT) when the text is not a valid one.
    """
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(text, config)
    except text_format.ParseError as error:
        raise invalid(
            f"Error parsing text-format tensorflow.serving.ModelServerConfig: {error}"
        ) from error
    return from_proto(config)


def from_proto(config: Any) -> list[ModelConfig]:
    """Returns the models of a ModelServerConfig message. Raises ServingError if it is invalid."""
    if config.WhichOneof("config") == "custom_model_config":
        raise invalid("ModelServerConfig: custom_model_config is not supported")
    models = [_model(entry) for entry in config.model_config_list.config]
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise invalid(f"Illegal to list model {twice[0]} multiple times in config list")
    return models


def _model(entry: Any) -> ModelConfig:
    if not entry.name:
        raise invalid("ModelServerConfig: a model has no name")
    if not entry.base_path:
        raise invalid(f"ModelServerConfig: model {entry.name} has no base_path")
    if entry.model_platform not in ("", "tensorflow"):
        raise invalid(
            f"ModelServerConfig: model {entry.name} has platform {entry.model_platform!r}, "
            "expected 'tensorflow'"
        )
    return ModelConfig(
        entry.name,
        Path(entry.base_path),
        _policy(entry),
        {label: int(version) for label, version in entry.version_labels.items()},
        _sampling(entry) if entry.HasField("logging_config") else None,
    )


def _sampling(entry: Any) -> Sampling:
    """Returns the sampling in a model's LoggingConfig. Raises ServingError if it is invalid."""
    collector = entry.logging_config.log_collector_config
    rate = entry.logging_config.sampling_config.sampling_rate
    if collector.type not in LOG_TYPES:
        raise invalid(
            f"ModelServerConfig: model {entry.name} has log collector type {collector.type!r}, "
            f"expected {LOG_TYPES[0]!r}"
        )
    if not collector.filename_prefix:
        raise invalid(f"ModelServerConfig: model {entry.name} has no log filename_prefix")
    if not 0 <= rate <= 1:
        raise invalid(
            f"ModelServerConfig: model {entry.name} has sampling_rate {rate:g}, expected 0 to 1"
        )
    return Sampling(Path(collector.filename_prefix), rate)


def _policy(entry: Any) -> Policy:
    policy = entry.model_version_policy
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return Policy(latest=None)
    if choice == "specific":
        versions = tuple(int(version) for version in policy.specific.versions)
        if not versions:
            raise invalid(
                f"ModelServerConfig: model {entry.name} has an empty list of specific versions"
            )
        return Policy(specific=versions)
    return Policy(latest=int(policy.latest.num_versions) or 1)


def require_versions(config: ModelConfig) -> None:
    """Raises ServingError (NOT_FOUND) when a model has no version to serve on disk."""
    on_disk = versions_in(config.base_path)
    if not config.policy.choose(list(on_disk)):
        raise ServingError(
            Code.NOT_FOUND,
            f"no versions of model {config.name} to serve in {config.base_path}: found "
            f"{sorted(on_disk) or 'none'}, wanted {list(config.policy.specific) or 'a number'}, "
            f"such as {config.base_path / '1'} with a saved_model.pb",
        )


def versions_in(base_path: Path) -> dict[int, Path]:
    """Returns the version directories below a base path, by number.

    Raises ServingError (NOT_FOUND) when the base path is not a directory.
    """
    try:
        entries = [entry for entry in base_path.iterdir() if entry.name.isdecimal()]
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ServingError(Code.NOT_FOUND, f"base path {base_path} is not a directory") from error
    return {int(entry.name): entry for entry in sorted(entries) if entry.is_dir()}
