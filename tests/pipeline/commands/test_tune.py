"""The search space, and the values that a run trains with. tests/e2e tests the search itself."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import UserError
from models.spec import Range, load
from pipeline.commands import cli
from pipeline.commands.tune import check_space
from pipeline.deployment.status import status
from pipeline.settings import tuned
from pipeline.settings.config import Config
from pipeline.settings.tuned import Tuned
from pipeline.stages.fingerprints import Fingerprints


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return replace(Config.from_environment("penguins", "quick"), builds=tmp_path)


def write_tuned(config: Config, **values: Any) -> Tuned:
    """Writes values as a search does, and returns them."""
    profile_values = dict(config.spec.profile("quick").hyperparameters)
    result = Tuned(values, profile_values, 0.99, 0.95, 7, "2026-01-01T00:00:00Z")
    tuned.write(config.build.folder, result)
    return result


def test_found_values_override_the_profile_and_train_again(config: Config) -> None:
    before = Fingerprints.of(config)
    write_tuned(config, learning_rate=0.05, batch_size=16)
    assert config.profile.hyperparameters["learning_rate"] == 0.05
    assert config.profile.hyperparameters["epochs"] == 60
    after = Fingerprints.of(config)
    assert (before.trainer != after.trainer, before.whole() != after.whole()) == (True, True)
    assert (before.data, before.transform) == (after.data, after.transform)
    assert status(config).tuned == "learning_rate 0.05 instead of 0.02"
    assert tuned.remove(config.build.folder)
    assert not tuned.remove(config.build.folder)
    assert Fingerprints.of(config) == before
    assert status(config).tuned == ""


def test_a_later_change_of_the_profile_has_the_last_word(config: Config) -> None:
    write_tuned(config, learning_rate=0.05)
    changed = {**config.profile.hyperparameters, "learning_rate": 0.01}
    other = replace(config.spec.profile("quick"), hyperparameters=changed)
    config = replace(config, spec=replace(config.spec, profiles={"quick": other}))
    assert config.profile.hyperparameters["learning_rate"] == 0.01
    assert status(config).tuned.startswith("not used: the profile's hyperparameters changed")


def test_the_profiles_own_values_change_nothing(config: Config) -> None:
    before = Fingerprints.of(config)
    result = write_tuned(config, learning_rate=0.02)
    assert str(result) == "nothing better than the profile's own values"
    assert Fingerprints.of(config) == before


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"values": 3}'])
def test_a_damaged_file_is_reported_and_can_be_forgotten(
    config: Config, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config.build.folder.mkdir()
    (config.build.folder / tuned.FILE).write_text(text)
    with pytest.raises(UserError, match=r"tuned.json is damaged: .*fanout tune --forget"):
        assert config.profile
    assert any("is damaged" in problem for problem in status(config).problems)
    monkeypatch.setenv("FANOUT_BUILD", str(config.builds))
    forget = ["tune", "--forget", "--json", "--model", "penguins", "--profile", "quick"]
    for expected in (True, False):
        assert cli.main(forget) == 0
        assert json.loads(capsys.readouterr().out) == {"forgotten": expected}
    assert config.profile


@pytest.mark.parametrize(
    ("search", "own", "message"),
    [
        ({}, {}, "has no search space; add one to its ModelSpec, such as search={"),
        ({"learning_rate": Range(0, 1)}, {"epochs": 0}, "is not trained"),
        ({"lerning_rate": Range(0, 1)}, {}, "of profile quick, got 'lerning_rate'; there are: ep"),
        ({"learning_rate": Range(1, 0)}, {}, "must go from a smaller to a larger number"),
        ({"learning_rate": Range(0, 1, log=True)}, {}, "with log from above 0"),
        ({"learning_rate": Range(0.1, 1)}, {}, "must include the profile's own value 0.02"),
        ({"batch_size": (8, 32)}, {}, "must include the profile's own value 16"),
    ],
)
def test_a_search_that_does_not_fit_is_refused(
    config: Config, search: Mapping[str, Any], own: dict[str, Any], message: str
) -> None:
    profile = config.spec.profile("quick")
    profile = replace(profile, hyperparameters={**profile.hyperparameters, **own})
    spec = replace(config.spec, search=search, profiles={"quick": profile})
    with pytest.raises(UserError, match=message):
        check_space(replace(config, spec=spec))


@pytest.mark.parametrize("name", ["diamonds", "fashion", "motions", "nuclei", "penguins"])
@pytest.mark.parametrize("profile", ["default", "quick"])
def test_every_model_here_can_be_searched(name: str, profile: str, tmp_path: Path) -> None:
    check_space(replace(Config.from_environment(name, profile), builds=tmp_path))


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (["--trials", "0"], "--trials must be at least 1, got 0"),
        (["--seconds", "nan"], "--seconds must be a finite number above 0, got nan"),
    ],
)
def test_invalid_limits_are_reported(
    limit: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["tune", "--model", "penguins", *limit]) == 2
    assert message in capsys.readouterr().err


# KerasTuner calls deprecated names of the threading module.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")
def test_a_trial_that_was_started_but_not_recorded_runs_again(tmp_path: Path) -> None:
    from pipeline.training import search

    spec = load("penguins")
    own = dict(spec.profile("quick").hyperparameters)

    def opened(trials: int) -> search.Tuner:
        oracle = search.Oracle(search.space(spec.search, own), own, trials, 60)
        place = {"directory": str(tmp_path), "project_name": "search"}
        return search.Tuner(oracle, lambda *_: 0.5, own, **place)

    opened(2).search(verbose=0)
    noted = (tmp_path / "search" / "oracle.json").read_bytes()
    opened(3).search(verbose=0)
    # As if the process had been killed between writing the third trial's file and the oracle's.
    (tmp_path / "search" / "oracle.json").write_bytes(noted)
    again = opened(3)
    assert len(again.oracle.trials) == 2
    again.search(verbose=0)
    assert len(again.oracle.end_order) == 3
    left = {file.name for file in (tmp_path / "search").rglob("*.partial")}
    assert not left
