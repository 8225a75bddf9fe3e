"""The files that a search writes."""

from pathlib import Path

import pytest

from core.files import write_text
from models.spec import load


# KerasTuner asks for its thread by old names.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:keras_tuner")
def test_keras_tuner_leaves_the_writing_of_its_files_to_the_oracle_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.training import search

    written: set[str] = set()

    def noted(file: Path, text: str) -> None:
        written.add(file.relative_to(tmp_path).as_posix())
        write_text(file, text)

    monkeypatch.setattr(search, "write_text", noted)
    spec = load("penguins")
    own = dict(spec.profile("quick").hyperparameters)
    oracle = search.Oracle(search.space(spec.search, own), own, 1, 60)
    place = {"directory": str(tmp_path), "project_name": "search"}
    search.Tuner(oracle, lambda *_: 0.5, own, **place).search(verbose=0)
    there = {"search/oracle.json", "search/trial_0/trial.json"}
    assert {name for name in there if (tmp_path / name).is_file()} == there
    assert there - written == set(), "written in place: a kill then loses all trials"
