"""TensorFlow Serving's ``models.config``: the versions that are served, and their labels."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from core.files import write_text


def models_config(
    model: str, base_path: Path, labels: Mapping[str, int], *, also: Iterable[int] = ()
) -> str:
    """Returns a ModelServerConfig in text form that serves exactly the versions named.

    Args:
        model: the model's name.
        base_path: the folder of ``<model>/<version>/``, by the path that the server reads it by.
        labels: the version of each label, such as ``{"stable": 3}``.
        also: versions to serve without a label.
    """
    versions = sorted({*labels.values(), *also})
    lines = [
        "model_config_list {",
        "  config {",
        f"    name: {_quoted(model)}",
        f"    base_path: {_quoted(str(base_path / model))}",
        '    model_platform: "tensorflow"',
        "    model_version_policy {",
        f"      specific {{ {' '.join(f'versions: {version}' for version in versions)} }}",
        "    }",
        *(
            f"    version_labels {{ key: {_quoted(label)} value: {version} }}"
            for label, version in sorted(labels.items())
        ),
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def write_models_config(
    file: Path, model: str, base_path: Path, labels: Mapping[str, int], *, also: Iterable[int] = ()
) -> None:
    """Replaces the file in one step; takes the arguments of models_config()."""
    write_text(file, models_config(model, base_path, labels, also=also))


def read_labels(file: Path) -> dict[str, int]:
    """Returns the labels of the file's first model; empty if there is no such file.

    Raises:
        ValueError, google.protobuf.text_format.ParseError: the file is damaged.
    """
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    if not file.is_file():
        return {}
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse(file.read_text(), config)
    if not config.model_config_list.config:
        raise ValueError("it names no model")
    return {
        label: int(version)
        for entry in config.model_config_list.config[:1]
        for label, version in entry.version_labels.items()
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
