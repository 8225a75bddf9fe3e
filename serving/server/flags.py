"""The command line: TensorFlow Serving's flags, those that only this server has, and no others."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pipeline.errors import UserError
from serving.server import settings_files
from serving.server.settings_files import Monitoring

PROGRAM = "fanout-model-server"

# Known to tensorflow_model_server, of no consequence here: taken, and said so.
_WITHOUT_EFFECT = {
    "flush_filesystem_caches": "files are read once, at loading",
    "grpc_channel_arguments": "gRPC's defaults are used",
    "grpc_max_threads": "gRPC runs on the event loop",
    "num_load_threads": "one version is loaded at a time",
    "num_unload_threads": "one version is unloaded at a time",
    "num_request_iterations_for_warmup": "each warm-up request is run twice",
    "per_process_gpu_memory_fraction": "it runs on the CPU",
    "remove_unused_fields_from_bundle_metagraph": "nothing is kept of the graph",
    "rest_api_num_threads": "REST runs on the event loop",
}


@dataclass(frozen=True)
class Settings:
    """What a server is started with. The names are those of the flags."""

    port: int
    rest_api_port: int
    host: str
    model_name: str
    model_base_path: Path | None
    model_config_file: Path | None
    model_config_file_poll_wait_seconds: float
    file_system_poll_wait_seconds: float
    max_num_load_retries: int
    load_retry_interval_micros: int
    rest_api_timeout_in_ms: int
    allow_version_labels_for_unavailable_models: bool
    enable_batching: bool
    enable_model_warmup: bool
    rest_api_enable_cors_support: bool
    monitoring: Monitoring
    enable_grpc_healthcheck_service: bool
    saved_model_tags: tuple[str, ...]
    tensorflow_session_parallelism: int
    max_body_bytes: int
    max_batch_size: int
    max_queued_requests: int
    max_connections: int
    notes: tuple[str, ...] = ()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see: {PROGRAM} --help")


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Returns the settings. Raises UserError naming the flag that is unknown or wrong.

    ``MODEL_NAME`` and ``MODEL_BASE_PATH`` stand in for the flags, as they do in TensorFlow
    Serving's image: the base path of the model is then ``$MODEL_BASE_PATH/$MODEL_NAME``.
    """
    given = vars(_parser().parse_args([_dashes(argument) for argument in arguments]))
    ignored = [name for name in _WITHOUT_EFFECT if given.pop(name) is not None]
    notes = tuple(f"--{name} has no effect: {_WITHOUT_EFFECT[name]}" for name in ignored)
    tags = tuple(tag for tag in given.pop("saved_model_tags").split(",") if tag)
    name = given.pop("model_name") or environment.get("MODEL_NAME") or "default"
    base_path = given.pop("model_base_path")
    if base_path is None and given["model_config_file"] is None:
        if "MODEL_BASE_PATH" not in environment:
            raise UserError("neither --model_base_path nor --model_config_file is given")
        base_path = Path(environment["MODEL_BASE_PATH"]) / name
    monitoring = settings_files.monitoring(given.pop("monitoring_config_file"))
    settings = Settings(
        model_name=name,
        model_base_path=base_path,
        saved_model_tags=tags,
        notes=notes,
        monitoring=monitoring,
        **given,
    )
    if settings.port and settings.port == settings.rest_api_port:
        raise UserError(f"--rest_api_port cannot be the same as --port, both are {settings.port}")
    return settings


def _parser() -> _Parser:
    parser = _Parser(
        prog=PROGRAM,
        description="Serves SavedModels as TensorFlow Serving does, over REST and gRPC.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--port", type=_port, default=8500, help="gRPC; 0 for none (default: 8500)")
    add("--rest_api_port", type=_port, default=0, help="REST; 0 for none (default: 0)")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--model_name", help="name of the model at --model_base_path (default: default)")
    add("--model_base_path", type=Path, help="folder of <version>/saved_model.pb")
    add("--model_config_file", type=Path, help="ModelServerConfig in text form")
    add("--model_config_file_poll_wait_seconds", type=_not_negative, default=0.0,
        help="how often the file is read again; 0 for never (default: 0)")  # fmt: skip
    add("--file_system_poll_wait_seconds", type=float, default=1.0,
        help="how often versions are looked for; 0 for once (default: 1)")  # fmt: skip
    add("--max_num_load_retries", type=int, default=5)
    add("--load_retry_interval_micros", type=int, default=60_000_000)
    add("--rest_api_timeout_in_ms", type=_positive, default=30_000)
    add("--allow_version_labels_for_unavailable_models", **_boolean(default=False))
    add("--enable_batching", **_boolean(default=True))
    add("--rest_api_enable_cors_support", **_boolean(default=False))
    add("--monitoring_config_file", type=Path, help="MonitoringConfig in text form")
    add("--enable_model_warmup", **_boolean(default=True))
    add("--enable_grpc_healthcheck_service", **_boolean(default=True))
    add("--saved_model_tags", default="serve")
    add("--tensorflow_session_parallelism", type=int, default=0)
    add("--max_body_bytes", type=_positive, default=64 << 20, help="of a request (default: 64 MiB)")
    add("--max_batch_size", type=_positive, default=32,
        help="most rows joined from several requests (default: 32)")  # fmt: skip
    add("--max_queued_requests", type=_positive, default=1000,
        help="further ones are refused (default: 1000)")  # fmt: skip
    add("--max_connections", type=_positive, default=900,
        help="of REST, further ones are refused (default: 900)")  # fmt: skip
    for name, reason in _WITHOUT_EFFECT.items():
        add(f"--{name}", nargs="?", const="true", help=f"taken without effect: {reason}")
    return parser


def _dashes(argument: str) -> str:
    """Returns ``--rest-api-port`` as ``--rest_api_port``: both spellings are in use."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def _boolean(*, default: bool) -> dict[str, Any]:
    return {"type": _truth, "nargs": "?", "const": True, "default": default, "metavar": "BOOL"}


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in words:
        raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")
    return words[text.lower()]


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, got {text!r}")
    return int(text)


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds, got {text!r}")
    return value
