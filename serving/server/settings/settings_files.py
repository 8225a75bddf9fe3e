"""TensorFlow Serving's configuration files in protobuf text form that have no stubs on PyPI.

The messages are declared here with the field names of tensorflow_serving/config/*.proto and
session_bundle_config.proto. Their text form holds names only, so the field numbers are arbitrary.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import UserError

_PACKAGE = "fanout.serving"
_DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"
_TEXT, _TRUTH, _WHOLE, _MANY = "string", "bool", "int64", "repeated int64"
# The fields of each message, each with a scalar type or the name of a message above it.
_MESSAGES = {
    "Int64Value": {"value": _WHOLE},
    "StringValue": {"value": _TEXT},
    "BoolValue": {"value": _TRUTH},
    "PrometheusConfig": {"enable": _TRUTH, "path": _TEXT},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
    "SSLConfig": {
        "server_key": _TEXT, "server_cert": _TEXT, "custom_ca": _TEXT, "client_verify": _TRUTH,
    },
    "BatchingParameters": {
        "max_batch_size": "Int64Value", "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value", "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue", "allowed_batch_sizes": _MANY,
        "pad_variable_length_inputs": _TRUTH, "max_execution_batch_size": "Int64Value",
        "enable_large_batch_splitting": "BoolValue",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Monitoring:
    """The path of the metrics for Prometheus; ``path`` is None when they are off."""

    path: str | None = None


@dataclass(frozen=True)
class SslConfig:
    """The TLS configuration of a port: contents of PEM files.

    Attributes:
        key, certificate: the server's own; the certificate may include its chain.
        client_authorities: the CAs that may sign clients' certificates; empty for the system's.
        verify_clients: whether a client must present a certificate (mutual TLS).
    """

    key: bytes
    certificate: bytes
    client_authorities: bytes = b""
    verify_clients: bool = False

    def __repr__(self) -> str:
        return "SslConfig(…)"  # a key must not end up in a log


@dataclass(frozen=True)
class Batching:
    """The values that a --batching_parameters_file sets; None leaves the flag's value.

    Attributes:
        max_batch_size: the most rows joined from several requests.
        threads: the number of threads that slow models run in.
        max_queued_batches: the most batches that may wait.
        notes: settings that have no effect here, one sentence each.
    """

    max_batch_size: int | None = None
    threads: int | None = None
    max_queued_batches: int | None = None
    notes: tuple[str, ...] = ()


def monitoring(file: Path | None) -> Monitoring:
    """Returns the contents of a --monitoring_config_file. Raises UserError when it is invalid."""
    if file is None:
        return Monitoring()
    config = _read(file, "MonitoringConfig").prometheus_config
    if not config.enable:
        return Monitoring()
    path = str(config.path) or _DEFAULT_METRICS_PATH
    if not path.startswith("/"):
        raise UserError(f"{file}: the path of prometheus_config must begin with /, got {path!r}")
    return Monitoring(path)


def ssl_config(file: Path | None) -> SslConfig | None:
    """Returns the contents of an SSLConfig file; None without one. Raises UserError if invalid."""
    if file is None:
        return None
    config = _read(file, "SSLConfig", secret=True)
    for name in ("server_key", "server_cert"):
        if "-----BEGIN " not in getattr(config, name):
            raise UserError(f"{file}: {name} must hold the contents of a PEM file, not its path")
    return SslConfig(
        config.server_key.encode(),
        config.server_cert.encode(),
        config.custom_ca.encode(),
        config.client_verify,
    )


def batching(file: Path | None) -> Batching:
    """Returns the contents of a --batching_parameters_file. Raises UserError when it is invalid."""
    if file is None:
        return Batching()
    config = _read(file, "BatchingParameters")
    values: dict[str, int | None] = {}
    for name in ("max_batch_size", "num_batch_threads", "max_enqueued_batches"):
        value = int(getattr(config, name).value) if config.HasField(name) else None
        if value is not None and value < 1:
            raise UserError(f"{file}: {name} must be above 0, got {value}")
        values[name] = value
    reasons = {
        "batch_timeout_micros": "only waiting requests are joined; none is delayed for others",
        "allowed_batch_sizes": "batches are padded by at most an eighth of their size",
        "pad_variable_length_inputs": "only inputs of the same shape are joined",
        "max_execution_batch_size": "large requests are not split",
        "enable_large_batch_splitting": "large requests are not split",
        "thread_pool_name": "nothing is named after it",
    }
    return Batching(
        values["max_batch_size"],
        values["num_batch_threads"],
        values["max_enqueued_batches"],
        tuple(
            f"{name} of {file} has no effect: {reasons[name]}"
            for name in (field.name for field, _ in config.ListFields())
            if name in reasons
        ),
    )


def _read(file: Path, message: str, *, secret: bool = False) -> Any:
    from google.protobuf import text_format

    try:
        return text_format.Parse(file.read_text(), _messages()[message]())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    except text_format.ParseError as error:
        # The parser quotes the text that it failed on, which may be part of a key.
        place = f"line {error.GetLine()}" if secret else str(error)
        raise UserError(f"{file} is not a valid {message} in text form: {place}") from None


@cache
def _messages() -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    kinds = {
        _TEXT: field.TYPE_STRING,
        _TRUTH: field.TYPE_BOOL,
        _WHOLE: field.TYPE_INT64,
        _MANY: field.TYPE_INT64,
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="fanout/serving.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (alias, kind) in enumerate(fields.items(), 1):
            entry = message.field.add(name=alias, number=number)
            entry.label = field.LABEL_REPEATED if kind == _MANY else field.LABEL_OPTIONAL
            entry.type = kinds.get(kind, field.TYPE_MESSAGE)
            if kind not in kinds:
                entry.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }
