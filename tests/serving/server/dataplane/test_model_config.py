"""models.config: what it says, and what is wrong with it."""

from pathlib import Path

import pytest

from serving.server.dataplane import model_config
from serving.server.dataplane.config_file import ConfigFile
from serving.server.dataplane.model_config import Policy
from serving.server.dataplane.statuses import ServingError


def one(fields: str) -> str:
    return f'model_config_list {{ config {{ name: "m" base_path: "/m" {fields} }} }}'


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ("", Policy(latest=1)),
        ("model_version_policy { latest { num_versions: 2 } }", Policy(latest=2)),
        ("model_version_policy { all {} }", Policy(latest=None)),
        ("model_version_policy { specific { versions: 4 versions: 5 } }", Policy(specific=(4, 5))),
    ],
)
def test_policies(fields: str, policy: Policy) -> None:
    (config,) = model_config.parse(one(fields))
    assert config.policy == policy


def test_labels() -> None:
    (config,) = model_config.parse(one('version_labels { key: "stable" value: 3 }'))
    assert config.labels == {"stable": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "Error parsing text-format tensorflow.serving.ModelServerConfig"),
        ('model_config_list { config { base_path: "/m" } }', "a model has no name"),
        ('model_config_list { config { name: "m" } }', "model m has no base_path"),
        (one('model_platform: "caffe"'), "platform 'caffe', expected 'tensorflow'"),
        (one("model_version_policy { specific {} }"), "has an empty list of specific versions"),
        (
            'model_config_list { config { name: "m" base_path: "/a" } '
            'config { name: "m" base_path: "/b" } }',
            "Illegal to list model m multiple times",
        ),
        ("custom_model_config {}", "custom_model_config is not supported"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(ServingError, match=message):
        model_config.parse(text)


def test_version_directories(tmp_path: Path) -> None:
    for name in ("1", "00000012", "temp", "3.tmp", "-4"):
        (tmp_path / name).mkdir()
    (tmp_path / "5").touch()
    assert sorted(model_config.versions_in(tmp_path)) == [1, 12]


class Recorder:
    """Stands in for the manager: what matters here is when it is told what."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []

    def configure(self, configs: list[model_config.ModelConfig]) -> None:
        self.told.append([config.name for config in configs])


def test_a_changed_file_is_followed_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_text(one(""))
    file = ConfigFile(path)
    assert [config.name for config in file.read()] == ["m"]
    recorder = Recorder()
    for text in (one(""), "nonsense", one('model_platform: "tensorflow"')):
        path.write_text(text)
        file.follow(recorder)  # type: ignore[arg-type]
    path.unlink()
    file.follow(recorder)  # type: ignore[arg-type]
    assert recorder.told == [["m"]]
