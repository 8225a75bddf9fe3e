from dataclasses import replace

from pipeline.report import Facts
from pipeline.report.gates import verdicts


def test_each_rule_is_held_against_what_was_measured(full: Facts) -> None:
    told = {(found.gate, found.rule): found for found in verdicts(full)}
    assert told["Data", "no anomaly against the curated schema"].passed is True
    least = full.profile.min_accuracy
    assert told["Model", f"accuracy of at least {least:g}"].passed is True
    web = next(found for found in told.values() if found.gate == "web float32")
    assert web.passed is False
    assert "TensorFlow.js wasm: <b>no</b> & never" in web.measured


def test_low_accuracy_and_anomalies_are_not_met(full: Facts) -> None:
    metrics = {"accuracy": 0.1, "examples": 40, "slices": {"label=3": 0.05}}
    worse = replace(
        full, manifest={**full.manifest, "metrics": metrics}, anomalies=["split train: bad"]
    )
    failed = [found for found in verdicts(worse) if found.passed is False]
    assert [found.gate for found in failed] == ["Data", "Model", "Model", "web float32"]
    assert "0.0500 in the worst, Dress" in failed[2].measured
