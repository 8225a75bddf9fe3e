import json
from dataclasses import replace
from typing import Any

import pytest

from core.agreement.checks import FAILED, Check
from core.errors import GateError, UserError
from pipeline.commands import releases
from pipeline.deployment import promotion
from pipeline.release import listing, release
from pipeline.release.assemble import Parts, assemble
from pipeline.settings.config import Config


def promoted(config: Config) -> int | None:
    current = release.current(config.build)
    return current.version if current else None


def test_the_layout_is_the_documented_one(config: Config, parts: Parts) -> None:
    made = assemble(config, parts)
    assert promoted(config) is None
    promotion.promote(config, made)
    folder = config.build.releases / "current"
    assert (folder / "serving/fashion/1/saved_model.pb").is_file()
    assert (folder / "mobile/m.tflite").is_file()
    assert (folder / "web/index.html").is_file()
    assert len(json.loads((folder / "golden.json").read_text())["examples"]) == 16
    assert json.loads((folder / "contract.json").read_text())["version"] == 1
    assert (folder / "web/contract.json").read_text() == (folder / "contract.json").read_text()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["version"] == 1
    assert manifest["files"]["web/index.html"]["bytes"] == 3
    assert made.damage() == []


def test_a_failed_required_check_stops_the_promotion(config: Config, parts: Parts) -> None:
    promotion.promote(config, assemble(config, parts))
    bad = Check("mobile", "int8", "LiteRT 2.3.0", FAILED, reason="agreement 0.5 is below 0.97")
    made = assemble(config, replace(parts, checks=[*parts.checks, bad]))
    with pytest.raises(GateError, match=r"mobile int8 on LiteRT 2.3.0 failed: agreement 0.5"):
        promotion.promote(config, made)
    assert promoted(config) == 1


def test_an_optional_failure_does_not_stop_the_promotion(config: Config, parts: Parts) -> None:
    bad = Check("mobile", "int8", "LiteRT", FAILED, required=False)
    promotion.promote(config, assemble(config, replace(parts, checks=[*parts.checks, bad])))
    assert promoted(config) == 1


@pytest.mark.parametrize("harm", ["flip", "truncate", "delete", "add"])
def test_a_changed_file_is_named_and_stops_the_promotion(
    config: Config, parts: Parts, harm: str
) -> None:
    made = assemble(config, parts)
    file = made.folder / "mobile" / "inner" / "weights"
    if harm == "flip":
        file.write_bytes(b"\0" * 99 + b"\1")
    elif harm == "truncate":
        file.write_bytes(b"\0" * 99)
    elif harm == "delete":
        file.unlink()
    else:
        file.with_name("extra").touch()
    name = "extra" if harm == "add" else "weights"
    with pytest.raises(GateError, match=rf"mobile/inner/{name}"):
        promotion.promote(config, made)
    assert promoted(config) is None


def test_rollback_goes_to_the_one_promoted_before(config: Config, parts: Parts) -> None:
    made = [assemble(config, parts) for _ in range(3)]
    for version in (1, 3):
        promotion.promote(config, made[version - 1])
    assert promotion.rollback(config).version == 1
    assert promoted(config) == 1
    with pytest.raises(UserError, match="no earlier promoted release"):
        promotion.rollback(config)
    promotion.promote(config, made[1])
    assert promotion.rollback(config).version == 1


def test_a_release_that_is_not_there_lists_those_that_are(config: Config, parts: Parts) -> None:
    with pytest.raises(UserError, match="no release of fashion-quick yet"):
        release.find(config.build, None)
    assemble(config, parts)
    with pytest.raises(UserError, match=r"no release 9 .*there are: 1"):
        release.find(config.build, 9)


def test_what_a_killed_assembly_left_is_not_a_release(config: Config, parts: Parts) -> None:
    (config.build.releases / ".1.partial").mkdir(parents=True)
    (config.build.releases / ".1.partial" / "junk").touch()
    assert release.versions(config.build) == []
    made = assemble(config, parts)
    assert made.version == 1
    assert made.damage() == []


def test_an_optional_variant_that_failed_is_left_out_and_the_release_goes_on(
    config: Config, parts: Parts
) -> None:
    (parts.targets["mobile"] / "fashion.dynamic.tflite").write_bytes(b"model")
    bad = Check("mobile", "dynamic", "LiteRT 2.3.0", FAILED, "agreement 0.5", required=False)
    made = assemble(config, replace(parts, checks=[*parts.checks, bad]))
    promotion.promote(config, made)
    assert "mobile/fashion.dynamic.tflite" not in made.manifest["files"]
    why = made.folder / "mobile" / "fashion.dynamic.tflite.refused.txt"
    assert why.read_text() == "LiteRT 2.3.0: agreement 0.5\n"
    assert (parts.targets["mobile"] / "fashion.dynamic.tflite").is_file(), "what was pushed stays"
    assert made.damage() == []


@pytest.mark.parametrize(
    ("metrics", "heading", "cell"),
    [
        ({"accuracy": 0.9}, "accuracy", "0.9000"),
        ({"accuracy": 0.9, "score": 0.9, "metric": "accuracy"}, "accuracy", "0.9000"),
        ({"accuracy": None, "score": 0.5, "metric": "R²"}, "score", "R² 0.5000"),
        ({"accuracy": None, "score": None, "metric": ""}, "accuracy", ""),
        (
            {"accuracy": 1.0, "score": 1.0, "metric": "accuracy", "made_up": True},
            "accuracy",
            "made-up inputs",
        ),
    ],
)
def test_the_list_has_the_headline_score_with_its_name(
    config: Config,
    parts: Parts,
    metrics: dict[str, Any],
    heading: str,
    cell: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assemble(config, replace(parts, metrics={**parts.metrics, **metrics}))
    rows = listing.rows(config)
    releases._print_table("fashion-quick", rows)
    lines = capsys.readouterr().out.splitlines()
    assert f" {heading} " in lines[2]
    assert cell in lines[4]
    assert ("0.9" in lines[4]) == ("0.9" in cell)
    expected = metrics["accuracy"] if not metrics.get("made_up") else None
    assert rows[0].accuracy == expected
