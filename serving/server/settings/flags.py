"""The command line: TensorFlow Serving's flags and this server's own; all others are refused."""

import argparse
import contextlib
import difflib
import importlib.metadata
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from core.errors import UserError
from core.version import VERSION
from serving.server.dataplane.shared import MAX_TOTAL_BYTES
from serving.server.settings import api_keys, settings_files
from serving.server.settings.api_keys import Access
from serving.server.settings.known_flags import OFF, REFUSED, WITHOUT_EFFECT
from serving.server.settings.settings_files import Batching, Monitoring, SslConfig
from serving.server.supervisor import FLAG, PROGRAM

SEE_HELP = f"; see: {PROGRAM} --help"


@dataclass(frozen=True)
class Settings:
    """The settings that a server starts with, named like the flags."""

    port: int
    grpc_socket_path: Path | None
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
    grpc_api_timeout_in_ms: int
    allow_version_labels_for_unavailable_models: bool
    enable_batching: bool
    enable_model_warmup: bool
    rest_api_enable_cors_support: bool
    monitoring: Monitoring
    enable_grpc_healthcheck_service: bool
    enable_signature_method_name_check: bool
    enable_config_reload: bool
    saved_model_tags: tuple[str, ...]
    tensorflow_session_parallelism: int
    tensorflow_intra_op_parallelism: int
    tensorflow_inter_op_parallelism: int
    ssl: SslConfig | None
    rest_api_ssl: SslConfig | None
    access: Access
    access_log: Path | None
    request_log_prefix: Path | None
    request_log_sampling_rate: float
    log_max_file_bytes: int
    log_max_files: int
    max_body_bytes: int
    max_total_request_bytes: int
    max_decompressed_bytes: int
    max_request_rows: int
    max_image_pixels: int
    max_tensor_bytes: int
    max_json_depth: int
    max_batch_size: int
    max_queued_requests: int
    max_connections: int
    batching: Batching = field(default_factory=Batching)
    notes: tuple[str, ...] = ()


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        self.names: list[str] = []  # of all flags
        super().__init__(**options)

    def add_argument(self, *names: str, **options: Any) -> argparse.Action:
        self.names += names
        return super().add_argument(*names, **options)

    def error(self, message: str) -> NoReturn:
        raise UserError(message + SEE_HELP)


def parse(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Returns the settings. Raises UserError that names an unknown or invalid flag.

    ``MODEL_NAME`` and ``MODEL_BASE_PATH`` replace missing flags, as in TensorFlow Serving's image:
    the base path of the model is then ``$MODEL_BASE_PATH/$MODEL_NAME``.
    """
    parser = _parser()
    given = vars(_known(parser, [_dashes(argument) for argument in arguments]))
    for name, reason in REFUSED.items():
        if str(given.pop(name) or "").lower() not in OFF:
            raise UserError(f"--{name} is not supported: {reason}")
    ignored = [name for name in WITHOUT_EFFECT if given.pop(name) is not None]
    notes = [f"--{name} has no effect: {WITHOUT_EFFECT[name]}" for name in ignored]
    tags = tuple(tag for tag in given.pop("saved_model_tags").split(",") if tag)
    del given["supervise"]  # obeyed before the server's own process exists
    name = given.pop("model_name") or environment.get("MODEL_NAME") or "default"
    base_path = given.pop("model_base_path")
    if base_path is None and given["model_config_file"] is None:
        if "MODEL_BASE_PATH" not in environment:
            raise UserError("give --model_base_path or --model_config_file; neither is set")
        base_path = Path(environment["MODEL_BASE_PATH"]) / name
    batching = settings_files.batching(given.pop("batching_parameters_file"))
    if batching.max_batch_size:
        given["max_batch_size"] = batching.max_batch_size
    if batching.max_queued_batches:
        given["max_queued_requests"] = batching.max_queued_batches * given["max_batch_size"]
    if given["max_decompressed_bytes"] is None:
        given["max_decompressed_bytes"] = given["max_body_bytes"]
    if given["max_tensor_bytes"] is None:
        # The shortest number in JSON, with its comma, has two bytes; in memory it has up to eight.
        given["max_tensor_bytes"] = max(256 << 20, 4 * given["max_body_bytes"])
    _complete_total(given)
    access = api_keys.read(given.pop("api_key_file"), given.pop("admin_api_key_file"), environment)
    settings = Settings(
        model_name=name,
        model_base_path=base_path,
        saved_model_tags=tags,
        notes=(*notes, *batching.notes, *access.notes),
        batching=batching,
        monitoring=settings_files.monitoring(given.pop("monitoring_config_file")),
        ssl=settings_files.ssl_config(given.pop("ssl_config_file")),
        rest_api_ssl=settings_files.ssl_config(given.pop("rest_api_ssl_config_file")),
        access=access,
        **given,
    )
    if settings.port and settings.port == settings.rest_api_port:
        raise UserError(f"--rest_api_port must differ from --port, both are {settings.port}")
    return settings


def _complete_total(given: dict[str, Any]) -> None:
    """Sets the limit for all requests together if it is missing.

    Raises UserError when the largest request alone would exceed it.
    """
    one, total = given["max_body_bytes"], given["max_total_request_bytes"]
    if total is None:
        given["max_total_request_bytes"] = max(MAX_TOTAL_BYTES, one)
    elif total < one:
        raise UserError(
            f"--max_total_request_bytes must be at least --max_body_bytes ({one}), got {total}"
        )


def _known(parser: _Parser, arguments: list[str]) -> argparse.Namespace:
    """Returns the flags. Raises UserError that names an unknown flag and the nearest known one."""
    given, unknown = parser.parse_known_args(arguments)
    if not unknown:
        return given
    hints = []
    for argument in unknown:
        near = difflib.get_close_matches(argument.partition("=")[0], parser.names, 1)
        if argument.startswith("-") and near:
            hints.append(f"did you mean {near[0]}?")
    raise UserError(
        "; ".join([f"unrecognized arguments: {' '.join(unknown)}", *hints[:1]]) + SEE_HELP
    )


def _tensorflow_version() -> str:
    # Not read from TensorFlow, which takes seconds to import; the image has the smaller package.
    for package in ("tensorflow", "tensorflow-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    return "unknown"


def _parser() -> _Parser:
    parser = _Parser(
        prog=PROGRAM,
        description="Serves SavedModels as TensorFlow Serving does, over REST and gRPC.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    versions = f"{PROGRAM} {VERSION}\nTensorFlow {_tensorflow_version()}"
    add("--version", action="version", version=versions)
    add(FLAG, **_boolean(default=True),
        help="start the server again if its process dies (default: true)")  # fmt: skip
    add("--port", type=_port, default=8500, help="port for gRPC; 0 for none (default: 8500)")
    add("--grpc_socket_path", type=Path, help="UNIX socket for gRPC, in addition to --port")
    add("--rest_api_port", type=_port, default=0, help="port for REST; 0 for none (default: 0)")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--model_name", help="name of the model at --model_base_path (default: default)")
    add("--model_base_path", type=Path, help="folder of <version>/saved_model.pb")
    add("--model_config_file", type=Path, help="ModelServerConfig in text form")
    add("--model_config_file_poll_wait_seconds", type=_not_negative, default=0.0,
        help="interval for rereading the file; 0 for never (default: 0)")  # fmt: skip
    add("--file_system_poll_wait_seconds", type=_seconds, default=1.0,
        help="interval for finding versions; 0 or less for once (default: 1)")  # fmt: skip
    add("--max_num_load_retries", type=int, default=5,
        help="how often a version that does not load is tried again (default: 5)")  # fmt: skip
    add("--load_retry_interval_micros", type=int, default=60_000_000,
        help="microseconds before that (default: 60000000)")  # fmt: skip
    add("--rest_api_timeout_in_ms", type=_positive, default=30_000,
        help="limit for a request to arrive, then to wait its turn (default: 30000)")  # fmt: skip
    add("--grpc_api_timeout_in_ms", type=_positive, default=30_000,
        help="limit for a call to wait, unless its own is shorter (default: 30000)")  # fmt: skip
    add("--allow_version_labels_for_unavailable_models", **_boolean(default=False),
        help="accept a label whose version is not loaded (default: false)")  # fmt: skip
    add("--enable_batching", **_boolean(default=True),
        help="join waiting requests of models whose rows do not affect each other "
        "(default: true)")  # fmt: skip
    add("--batching_parameters_file", type=Path, help="BatchingParameters in text form")
    add("--rest_api_enable_cors_support", **_boolean(default=False),
        help="let pages of other origins use the REST API (default: false)")  # fmt: skip
    add("--monitoring_config_file", type=Path, help="MonitoringConfig in text form")
    add("--enable_model_warmup", **_boolean(default=True),
        help="run a model's warm-up requests before it answers (default: true)")  # fmt: skip
    add("--enable_grpc_healthcheck_service", **_boolean(default=True),
        help="answer grpc.health.v1.Health (default: true)")  # fmt: skip
    add("--enable_signature_method_name_check", **_boolean(default=False),
        help="classify and regress only with signatures of that method name (default: false)"
        )  # fmt: skip
    add("--saved_model_tags", default="serve",
        help="tags of the MetaGraph to load, separated by commas (default: serve)")  # fmt: skip
    for name, what in (
        ("session", "both of the following"),
        ("intra_op", "one operation"),
        ("inter_op", "operations in parallel"),
    ):
        add(f"--tensorflow_{name}_parallelism", type=_count, default=0,
            help=f"threads for {what}; 0 for TensorFlow's choice (default: 0)")  # fmt: skip
    add("--ssl_config_file", type=Path, help="SSLConfig in text form: TLS for gRPC")
    add("--rest_api_ssl_config_file", type=Path, help="SSLConfig in text form: TLS for REST")
    add("--api_key_file", type=Path,
        help=f"keys, one per line; a client must send one; or ${api_keys.ENVIRONMENT}"
        )  # fmt: skip
    add(api_keys.ADMIN_FLAG, type=Path,
        help="keys for metrics and changes of the served models, needed for them as soon as any "
        f"key is set; or ${api_keys.ADMIN_ENVIRONMENT}")  # fmt: skip
    add("--enable_config_reload", **_boolean(default=True),
        help="obey HandleReloadConfigRequest on gRPC (default: true)")  # fmt: skip
    add("--access_log", type=Path, help="file for one JSON object per request; - for stdout")
    add("--request_log_prefix", type=Path,
        help="prefix of the files of sampled requests: PREFIX.MODEL-TIME.tfrecord")  # fmt: skip
    add("--request_log_sampling_rate", type=_share, default=0.01,
        help="share of requests that are logged (default: 0.01)")  # fmt: skip
    add("--log_max_file_bytes", type=_positive, default=64 << 20,
        help="size limit of a file of the access or request log (default: 64 MiB)")  # fmt: skip
    add("--log_max_files", type=_positive, default=8,
        help="files that each log keeps; the oldest is deleted (default: 8)")  # fmt: skip
    add(
        "--max_body_bytes",
        type=_positive,
        default=64 << 20,
        help="limit for a request (default: 64 MiB)",
    )
    add("--max_total_request_bytes", type=_positive,
        help="limit for all requests that are not answered yet and all answers that are not read "
        "yet (default: 512 MiB, or --max_body_bytes if that is larger)")  # fmt: skip
    add("--max_decompressed_bytes", type=_positive,
        help="limit for an unpacked gzip body (default: --max_body_bytes)")  # fmt: skip
    add("--max_request_rows", type=_positive, default=8192,
        help="limit for the batch in one request (default: 8192)")  # fmt: skip
    add("--max_image_pixels", type=_positive, default=1 << 24,
        help="limit for an encoded picture with all its frames (default: 16777216)")  # fmt: skip
    add("--max_tensor_bytes", type=_positive,
        help="limit for the memory of a request's inputs (default: 256 MiB, or 4 times "
        "--max_body_bytes)")  # fmt: skip
    add("--max_json_depth", type=_positive, default=64,
        help="limit for the nesting of lists and objects (default: 64)")  # fmt: skip
    add("--max_batch_size", type=_positive, default=32,
        help="limit for rows joined from several requests (default: 32)")  # fmt: skip
    add("--max_queued_requests", type=_positive, default=1000,
        help="limit for waiting requests; more are refused (default: 1000)")  # fmt: skip
    add("--max_connections", type=_positive, default=900,
        help="limit for each transport, of which one address may have three quarters "
        "(default: 900)")  # fmt: skip
    for name, reason in WITHOUT_EFFECT.items():
        add(f"--{name}", nargs="?", const="true", help=f"accepted, but has no effect: {reason}")
    for name in REFUSED:
        add(f"--{name}", nargs="?", const="true", help=argparse.SUPPRESS)
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


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, 0 for automatic, got {text!r}")
    return int(text)


def _share(text: str) -> float:
    if not re.fullmatch(r"0|1|0?\.\d+|[01]\.0*", text):
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, got {text!r}")
    return float(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a number of seconds, got {text!r}")
    return value


def _not_negative(text: str) -> float:
    value = _seconds(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a number of seconds, 0 or more, got {text!r}")
    return value
