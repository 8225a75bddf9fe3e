from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.monitor.statistics import Comparison, statistics_of, table_of
from pipeline.release.release import Release
from pipeline.report import Facts, render
from pipeline.report.gates import verdicts


def test_each_rule_is_compared_with_the_measurements(full: Facts) -> None:
    told = {(found.gate, found.rule): found for found in verdicts(full)}
    assert told["Data", "no anomaly against the curated schema"].passed is True
    least = full.profile.min_accuracy
    assert told["Model", f"accuracy of at least {least:g}"].passed is True
    web = next(found for found in told.values() if found.gate == "web float32")
    assert web.passed is False
    assert "TensorFlow.js wasm: <b>no</b> & never" in web.measured


def test_low_accuracy_and_anomalies_are_not_met(full: Facts) -> None:
    # As in releases from before outputs had roles.
    metrics = {"accuracy": 0.1, "examples": 40, "slices": {"label=3": 0.05}}
    worse = replace(
        full, manifest={**full.manifest, "metrics": metrics}, anomalies=["split train: bad"]
    )
    failed = [found for found in verdicts(worse) if found.passed is False]
    assert [found.gate for found in failed] == ["Data", "Model", "Model", "web float32"]
    assert "0.0500 in the worst, Dress" in failed[2].measured


def test_the_release_before_is_compared_overall_by_slice_and_in_its_data(
    full: Facts, tmp_path: Path
) -> None:
    slices = {**full.manifest["metrics"]["slices"], "label=8": 0.5}
    worse = {**full.manifest["metrics"], "accuracy": 0.86, "score": 0.86, "slices": slices}
    before = Release(tmp_path / "1", {**full.manifest, "version": 1})
    chance = np.random.default_rng(3)
    bright, dark = (
        statistics_of(table_of({"image.brightness": chance.normal(mean, 0.05, 300)}))
        for mean in (0.7, 0.2)
    )
    facts = replace(
        full,
        manifest={**full.manifest, "metrics": worse},
        parent=before,
        shift=Comparison.of(bright, dark, full.spec.monitoring),
    )
    told = {found.rule: found for found in verdicts(facts)}
    drop = told["accuracy at most 0.25 lower in any slice"]
    assert (drop.passed, drop.stops) == (False, True)
    assert drop.measured == "-0.4000 against release 1 in the worst, Bag"
    assert told["accuracy at most 0.05 lower than before"].passed is True
    shift = told["training data like that of release 1"]
    assert (shift.passed, shift.stops) == (False, False)
    assert shift.measured.startswith("image.brightness: mean 0.7")
    page = render(facts)
    assert "reported" in page
    assert "beyond" in page
