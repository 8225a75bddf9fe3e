"""Models' folders in a repository of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import models
from core import fingerprint
from core.errors import UserError
from models import places
from models.spec import UnknownModelError, known_models, load
from pipeline.commands.cli import main
from pipeline.new import folder
from pipeline.settings.config import Config
from pipeline.stages.fingerprints import Fingerprints

ROWS = "length,width,kind\n" + "".join(
    f"{number / 7:.2f},{(number * 5) % 13},{'ab'[number % 2]}\n" for number in range(60)
)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(models, "__path__", list(models.__path__))
    place = tmp_path / "our models"
    place.mkdir()
    yield place


def test_a_model_elsewhere_is_like_one_here(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = elsewhere / "flowers.csv"
    table.write_text(ROWS)
    words = ["new", "far_away", "--csv", str(table), "--label", "kind", "--models", str(elsewhere)]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert f"FANOUT_MODELS='{elsewhere}' make deploy MODEL=far_away" in told
    assert (elsewhere / "far_away" / "spec.py").is_file()
    assert not (places.OWN / "far_away").exists()
    assert {"far_away", "fashion"} <= set(known_models())
    spec = load("far_away")
    assert spec.folder == elsewhere / "far_away"
    assert spec.schema.is_file()
    assert spec.module("features").FEATURES
    file = elsewhere / "far_away" / "network.py"
    assert fingerprint.file_of("models.far_away.network") == file
    before = Fingerprints.of(Config.from_environment("far_away", "quick"))
    file.write_text(file.read_text() + "\nCHANGED = True\n")
    after = Fingerprints.of(Config.from_environment("far_away", "quick"))
    assert (before.data, before.convert) == (after.data, after.convert)
    assert before.trainer != after.trainer
    with pytest.raises(UserError, match="already exists"):
        folder.check_name("far_away")


def test_a_fingerprint_does_not_depend_on_where_the_folder_is(
    elsewhere: Path, tmp_path: Path
) -> None:
    digests = []
    for place in (elsewhere, tmp_path / "moved"):
        (place / "mine").mkdir(parents=True)
        (place / "mine" / "data.py").write_text("ROWS = 1\n")
        models.__path__[:] = [str(places.OWN)]
        places.use(place)
        digests.append(fingerprint.of_files([place / "mine" / "data.py"]))
    assert digests[0] == digests[1]


def test_what_is_no_folder_of_models_is_refused(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["releases", "--models", str(elsewhere / "none")]) == 2
    assert "must name a folder that has models' folders in it" in capsys.readouterr().err
    (elsewhere / "fashion").mkdir()
    (elsewhere / "fashion" / "spec.py").touch()
    with pytest.raises(UserError, match=r"has fashion too\. Rename it there"):
        places.use(elsewhere)
    with pytest.raises(UnknownModelError, match="models/ has: diamonds, fashion"):
        load("nowhere")
