"""One real server with everything on: several models, versions, labels, CORS and metrics."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import embedded
from serving.embedded import Address
from tests.serving import fixture_models
from tests.serving.forked import Forks

MODELS_CONFIG = """
model_config_list {{
  config {{
    name: "half"
    base_path: "{folder}/half"
    model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: 123 }}
    version_labels {{ key: "a/b" value: 124 }}
  }}
  config {{ name: "types" base_path: "{folder}/types" model_platform: "tensorflow" }}
  config {{ name: "native" base_path: "{folder}/native" model_platform: "tensorflow" }}
  config {{ name: "odd:name" base_path: "{folder}/odd" model_platform: "tensorflow" }}
}}
"""


@pytest.fixture(scope="package")
def conforming(
    tmp_path_factory: pytest.TempPathFactory, half_plus_two: Path, types_model: Path, forks: Forks
) -> Iterator[Address]:
    """The address of a server of ``half`` (123: x/2+2, 124: x/2+3), its friends."""
    folder = tmp_path_factory.mktemp("conformance")
    shutil.copytree(half_plus_two, folder / "half")
    fixture_models.write_half_plus(folder / "half" / "124", plus=3.0)
    shutil.copytree(types_model, folder / "types")
    shutil.copytree(half_plus_two, folder / "odd")
    fixture_models.write_native(folder / "native" / "1")
    (folder / "models.config").write_text(MODELS_CONFIG.format(folder=folder))
    (folder / "monitoring.config").write_text("prometheus_config { enable: true }")
    with (
        forks.in_use(),
        embedded.running(
            "half",
            None,
            f"--model_config_file={folder / 'models.config'}",
            f"--monitoring_config_file={folder / 'monitoring.config'}",
            "--rest_api_enable_cors_support",
        ) as address,
    ):
        yield address
