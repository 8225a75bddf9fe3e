"""TensorFlow Serving's configuration files in text protobuf form that have no stubs on PyPI.

The messages are declared here field by field, with the names and numbers of
tensorflow_serving/config/monitoring_config.proto.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

_PACKAGE = "fanout.serving"
_DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclass(frozen=True)
class Monitoring:
    """Where Prometheus finds the metrics; ``path`` is None when it is off."""

    path: str | None = None


def monitoring(file: Path | None) -> Monitoring:
    """Returns what a --monitoring_config_file says. Raises UserError when it is wrong."""
    if file is None:
        return Monitoring()
    config = _read(file, "MonitoringConfig").prometheus_config
    if not config.enable:
        return Monitoring()
    path = str(config.path) or _DEFAULT_METRICS_PATH
    if not path.startswith("/"):
        raise UserError(f"{file}: the path of prometheus_config must begin with /, got {path!r}")
    return Monitoring(path)


def _read(file: Path, message: str) -> Any:
    from google.protobuf import text_format

    try:
        return text_format.Parse(file.read_text(), _messages()[message]())
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    except text_format.ParseError as error:
        raise UserError(f"{file} is no {message} in text form: {error}") from error


@cache
def _messages() -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    text, truth, nested = field.TYPE_STRING, field.TYPE_BOOL, field.TYPE_MESSAGE
    file = descriptor_pb2.FileDescriptorProto(
        name="fanout/serving.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in {
        "PrometheusConfig": (("enable", 1, truth, ""), ("path", 2, text, "")),
        "MonitoringConfig": (("prometheus_config", 1, nested, "PrometheusConfig"),),
    }.items():
        message = file.message_type.add(name=name)
        for alias, number, kind, of in fields:
            entry = message.field.add(name=alias, number=number, type=kind)
            entry.label = field.LABEL_OPTIONAL
            if of:
                entry.type_name = f".{_PACKAGE}.{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{_PACKAGE}.{message.name}")
        )
        for message in file.message_type
    }
