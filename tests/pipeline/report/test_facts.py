from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as proto

from core.agreement.checks import Check
from core.agreement.evidence import save_evidence
from core.agreement.golden import Golden
from pipeline.release import release
from pipeline.release.release import Parts
from pipeline.report import gather, render
from pipeline.report.file import report_file
from pipeline.report.history import run_before
from pipeline.settings.config import Config


@pytest.fixture
def parts(config: Config, golden: Golden, checks: list[Check], tmp_path: Path) -> Parts:
    passed = [check for check in checks if check.target == "mobile"]
    made = tmp_path / "made"
    made.mkdir()
    (made / "m.tflite").write_bytes(b"model")
    metrics = {"accuracy": 0.9, "examples": 40, "slices": {"label=3": 0.8}}
    return Parts({"mobile": made}, golden, metrics, passed, "sha256:1")


@pytest.fixture
def recorded(config: Config, golden: Golden, checks: list[Check]) -> list[int]:
    """Two runs in ML Metadata, the second with a golden set and the evidence of checks."""
    connection = proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(config.metadata)
    config.build.mkdir(parents=True)
    store = MetadataStore(connection)
    types = {name: proto.ContextType(name=name) for name in ("pipeline_run", "node")}
    ids = {name: store.put_context_type(kind) for name, kind in types.items()}
    outputs = {"GoldenSet": "golden", "Check.mobile": "blessing"}
    execution_type = store.put_execution_type(proto.ExecutionType(name="step"))
    artifact_type = store.put_artifact_type(proto.ArtifactType(name="InferenceResult"))
    begun = []
    for number in range(2):
        run = proto.Context(type_id=ids["pipeline_run"], name=f"run-{number}")
        for component, key in outputs.items():
            folder = config.artifacts / component / str(number)
            golden.save(folder) if component == "GoldenSet" else folder.mkdir(parents=True)
            if component != "GoldenSet":
                save_evidence(folder, checks[:2])
            execution = proto.Execution(type_id=execution_type, last_known_state=3)
            execution.custom_properties["fingerprint"].string_value = f"of {component} {number}"
            artifact = proto.Artifact(type_id=artifact_type, uri=str(folder))
            event = proto.Event(type=proto.Event.OUTPUT)
            event.path.steps.add().key = key
            node = proto.Context(type_id=ids["node"], name=f"fashion-quick.{component}")
            store.put_execution(
                execution, [(artifact, event)], [run, node], reuse_context_if_already_exist=True
            )
        newest = max(store.get_contexts_by_type("pipeline_run"), key=lambda found: int(found.id))
        begun.append(int(newest.create_time_since_epoch))
    return begun


def test_the_report_is_among_the_files_of_the_release(config: Config, parts: Parts) -> None:
    made = release.assemble(
        config, replace(parts, report=lambda manifest: render(gather(config, manifest)))
    )
    assert "report.html" in made.manifest["files"]
    assert made.damage() == []
    page = (made.folder / "report.html").read_text()
    assert "mobile/m.tflite" in page
    assert report_file(config, made) == made.folder / "report.html"
    (made.folder / "report.html").write_text(page + "x")
    assert made.damage() == ["report.html differs from its checksum"]
    assert report_file(config, made) == config.build / "reports" / "1.html"


def test_an_older_release_gets_its_report_beside_it(config: Config, parts: Parts) -> None:
    made = release.assemble(config, parts)
    file = report_file(config, made)
    assert file == config.build / "reports" / "1.html"
    assert "Release 1" in file.read_text()
    assert made.damage() == []


def test_the_release_promoted_before_is_compared_with(config: Config, parts: Parts) -> None:
    made = [release.assemble(config, parts) for _ in range(3)]
    release.promote(config, made[0])
    release.promote(config, made[2])
    parents = [gather(config, one.manifest).parent for one in made]
    assert [parent and parent.version for parent in parents] == [None, 1, 1]
    page = render(gather(config, made[2].manifest))
    assert "+0.0000 to release 1" in page
    assert "new: passed" not in page


def test_the_run_that_made_the_release_is_found(config: Config, recorded: list[int]) -> None:
    after_all = run_before(config.metadata, datetime.now(UTC))
    assert after_all
    assert after_all.name == "run-1"
    assert list(after_all.steps) == ["GoldenSet", "Check.mobile"]
    assert after_all.steps["Check.mobile"].fingerprint == "of Check.mobile 1"
    before_all = datetime.fromtimestamp(recorded[0] / 1000 - 2, UTC)
    assert run_before(config.metadata, before_all) is None
    assert run_before(config.metadata.with_name("none"), datetime.now(UTC)) is None


def test_golden_set_and_evidence_come_from_the_run(
    config: Config, parts: Parts, recorded: list[int]
) -> None:
    made = release.assemble(config, parts)
    facts = gather(config, made.manifest)
    assert facts.golden and len(facts.golden) == 40
    assert all(evidence is not None for evidence in facts.evidence)
    assert "2 of 40 examples." in render(facts)


def test_broken_neighbours_do_not_stop_it(config: Config, parts: Parts) -> None:
    made = [release.assemble(config, parts) for _ in range(2)]
    for one in made:
        release.promote(config, one)
    (made[0].folder / "manifest.json").write_text("{")
    facts = gather(config, made[1].manifest)
    assert facts.parent is None
