from dataclasses import replace
from pathlib import Path

import pytest

from core.agreement.checks import Check
from core.agreement.evidence import save_evidence
from core.agreement.golden import Golden
from pipeline.deployment import promotion
from pipeline.release.assemble import Parts, assemble
from pipeline.report import gather, render
from pipeline.report.file import report_file
from pipeline.settings.config import Config
from tests.pipeline.stages.recorded_runs import record_run


@pytest.fixture
def parts(config: Config, golden: Golden, checks: list[Check], tmp_path: Path) -> Parts:
    passed = [check for check in checks if check.target == "mobile"]
    made = tmp_path / "made"
    made.mkdir()
    (made / "m.tflite").write_bytes(b"model")
    metrics = {
        "accuracy": 0.9,
        "examples": 40,
        "slices": {"label=3": 0.8},
        "test_split": "sha256:2",
    }
    return Parts({"mobile": made}, golden, metrics, passed, "sha256:1")


@pytest.fixture
def recorded(config: Config, golden: Golden, checks: list[Check]) -> None:
    """A run in ML Metadata, with a golden set and the evidence of checks."""
    answers, blessing = (config.build.artifacts / name for name in ("GoldenSet", "Check.mobile"))
    golden.save(answers)
    blessing.mkdir()
    save_evidence(blessing, checks[:2])
    outputs = {"GoldenSet": ("golden", answers), "Check.mobile": ("blessing", blessing)}
    record_run(config.build.metadata, "run", outputs)


def test_the_report_is_among_the_files_of_the_release(config: Config, parts: Parts) -> None:
    made = assemble(
        config, replace(parts, report=lambda manifest: render(gather(config, manifest)))
    )
    assert "report.html" in made.manifest["files"]
    assert made.damage() == []
    page = (made.folder / "report.html").read_text()
    assert "mobile/m.tflite" in page
    assert report_file(config, made) == made.folder / "report.html"
    (made.folder / "report.html").write_text(page + "x")
    assert made.damage() == ["report.html differs from its checksum"]
    assert report_file(config, made) == config.build.folder / "reports" / "1.html"


def test_an_older_release_gets_its_report_beside_it(config: Config, parts: Parts) -> None:
    made = assemble(config, parts)
    file = report_file(config, made)
    assert file == config.build.folder / "reports" / "1.html"
    assert "Release 1" in file.read_text()
    assert made.damage() == []


def test_the_report_compares_with_the_release_promoted_before(config: Config, parts: Parts) -> None:
    made = [assemble(config, parts) for _ in range(3)]
    promotion.promote(config, made[0])
    promotion.promote(config, made[2])
    parents = [gather(config, one.manifest).parent for one in made]
    assert [parent and parent.version for parent in parents] == [None, 1, 1]
    page = render(gather(config, made[2].manifest))
    assert "+0.0000 to release 1" in page
    assert "new: passed" not in page


@pytest.mark.usefixtures("recorded")
def test_golden_set_and_evidence_come_from_the_run(config: Config, parts: Parts) -> None:
    made = assemble(config, parts)
    facts = gather(config, made.manifest)
    assert facts.golden and len(facts.golden) == 40
    assert {*facts.evidence} == {check.key for check in facts.checks}
    assert "2 of 40 test examples." in render(facts)


def test_broken_neighbours_do_not_stop_it(config: Config, parts: Parts) -> None:
    made = [assemble(config, parts) for _ in range(2)]
    for one in made:
        promotion.promote(config, one)
    (made[0].folder / "manifest.json").write_text("{")
    facts = gather(config, made[1].manifest)
    assert facts.parent is None
