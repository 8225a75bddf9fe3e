import subprocess
import sys
from datetime import UTC, datetime

import pytest

from core.toolchain import ROOT
from pipeline.settings.config import Config
from pipeline.stages.lineage import last_run, model_of, run_before
from tests.pipeline.stages.recorded_runs import record_run


@pytest.fixture
def begun(config: Config) -> list[int]:
    """Records two runs in ML Metadata; returns their starts, in milliseconds since the epoch."""
    config.build.folder.mkdir(parents=True)
    return [
        record_run(
            config.build.metadata,
            f"run-{number}",
            {
                "Trainer": ("model", config.build.artifacts / "Trainer" / str(number)),
                "Check.mobile": ("blessing", config.build.artifacts / "Check.mobile" / str(number)),
            },
        )
        for number in range(2)
    ]


def at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@pytest.mark.usefixtures("begun")
def test_the_last_run_tells_what_it_made(config: Config) -> None:
    run = last_run(config.build.metadata)
    assert run.name == "run-1"
    blessing = run["Check.mobile"]["blessing"]
    assert blessing.folder == config.build.artifacts / "Check.mobile" / "1"
    assert blessing.properties == {"pushed": 1}
    with pytest.raises(KeyError, match=r"Check\.mobile has no output model"):
        run["Check.mobile"]["model"]
    with pytest.raises(KeyError, match="Pusher"):
        run["Pusher"]


def test_a_missing_last_run_is_reported(config: Config) -> None:
    with pytest.raises(LookupError, match="records no run"):
        last_run(config.build.metadata)
    assert not config.build.metadata.exists()


def test_the_run_that_made_the_release_is_found(config: Config, begun: list[int]) -> None:
    after_all = run_before(config.build.metadata, datetime.now(UTC))
    assert after_all
    assert after_all.name == "run-1"
    assert list(after_all.steps) == ["Trainer", "Check.mobile"]
    assert after_all["Check.mobile"].fingerprint == "of Check.mobile in run-1"
    assert run_before(config.build.metadata, at(begun[0] - 2000)) is None
    assert run_before(config.build.metadata.with_name("none"), datetime.now(UTC)) is None


def test_the_model_is_the_trainers(config: Config, begun: list[int]) -> None:
    newest = last_run(config.build.metadata)["Trainer"]["model"].id
    assert model_of(config.build.metadata, datetime.now(UTC)) == newest
    assert model_of(config.build.metadata, at(begun[0] - 2000)) is None


@pytest.mark.usefixtures("begun")
def test_a_payload_that_is_gone_has_no_folder(config: Config) -> None:
    run = last_run(config.build.metadata)
    assert run.folder("Trainer", "model") is None
    made = config.build.artifacts / "Trainer" / "1"
    made.mkdir(parents=True)
    assert run.folder("Trainer", "model") == made
    assert run.folder("Trainer", "model_run") is None
    assert run.folder("Pusher", "model") is None


@pytest.mark.usefixtures("begun")
def test_the_store_is_only_read(config: Config) -> None:
    before = config.build.metadata.read_bytes()
    last_run(config.build.metadata)
    assert config.build.metadata.read_bytes() == before
    assert [file.name for file in config.build.folder.iterdir()] == [config.build.metadata.name]


def test_importing_it_is_light() -> None:
    heavy = ("tfx", "tensorflow", "ml_metadata", "pipeline.report")
    program = f"""
import sys
import pipeline.stages.lineage
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
