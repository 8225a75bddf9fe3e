import shutil
from pathlib import Path

import pytest

from core.errors import DataError, GateError, UserError
from pipeline.commands import run
from pipeline.release import release
from pipeline.release.assemble import Parts, assemble
from pipeline.settings.config import Config
from pipeline.stages.fingerprints import Fingerprints


def test_a_full_disk_is_reported_before_anything_is_written(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "NEEDED_BYTES", shutil.disk_usage(config.builds).free * 2)
    with pytest.raises(UserError, match=r"is full: a run needs \d+ MiB, but only \d+ MiB are free"):
        run.run(config)
    assert not config.build.tfrecords.exists()


def test_the_gate_behind_an_error_of_tfx_is_what_is_reported(config: Config) -> None:
    config.build.folder.mkdir(parents=True)
    outer = RuntimeError("executor failed")
    outer.__cause__ = GateError("DataGate", "split train: bad")
    assert str(run.in_words(outer, config, Path("x.log"))) == "gate DataGate: split train: bad"
    plain = run.in_words(ValueError("odd\nlong"), config, Path("x.log"))
    assert str(plain) == "the pipeline stopped: ValueError: odd (log: x.log)"


def test_a_release_with_the_same_fingerprint_is_used_again(config: Config, parts: Parts) -> None:
    fingerprint = Fingerprints.of(config).whole()
    made = assemble(config, Parts(**{**vars(parts), "fingerprint": fingerprint}))
    assert run.run(config).version == made.version
    now = release.current(config.build)
    assert now is not None
    assert now.version == made.version


def test_a_damaged_release_is_not_used_again(config: Config, parts: Parts) -> None:
    fingerprint = Fingerprints.of(config).whole()
    made = assemble(config, Parts(**{**vars(parts), "fingerprint": fingerprint}))
    (made.folder / "web" / "index.html").write_text("other")
    assert run._already_made(config, fingerprint) is None


def test_missing_data_is_reported(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    source = config.spec.module("data")

    def no_source(cache: Path) -> None:
        raise DataError("none of the sources has it")

    monkeypatch.setattr(source, "fetch", no_source)
    with pytest.raises(DataError, match="none of the sources has it"):
        run.run(config)
