from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.spec import ModelSpec, Monitoring, Tensor
from pipeline.monitor.features import describe
from pipeline.monitor.statistics import Comparison, statistics_of, table_of


@dataclass(frozen=True)
class Column(Tensor):
    """A column whose value may be missing."""

    missing: float | str | None = None


def columns(spec: ModelSpec) -> ModelSpec:
    return replace(
        spec,
        inputs=(
            Column("mass", "float32", (1,), "In grams.", missing=-1.0),
            Column("island", "string", (1,), "Where it lives.", missing=""),
            Tensor("track", "float32", (5, 2), "Where it went."),
        ),
        encoded_input=None,
    )


def penguins(count: int, *, seed: int, heavier: float = 0, missing: float = 0) -> dict[str, Any]:
    chance = np.random.default_rng(seed)
    mass = chance.normal(4200 + heavier, 500, (count, 1)).astype(np.float32)
    island = chance.choice([b"Biscoe", b"Dream"], (count, 1)).astype(object)
    mass[: int(count * missing)] = -1
    island[: int(count * missing)] = b""
    return {"mass": mass, "island": island, "track": chance.normal(0, 1, (count, 5, 2))}


def beyond(spec: ModelSpec, requests: dict[str, Any], limits: Monitoring) -> dict[str, str]:
    table = columns(spec)
    training = statistics_of(table_of(describe(table, penguins(2000, seed=1))))
    requested = statistics_of(table_of(describe(table, requests)))
    comparison = Comparison.of(training, requested, limits)
    return {row.feature: row.most for row in comparison.beyond}


def test_a_tables_columns_are_monitored_unchanged(spec: ModelSpec) -> None:
    found = describe(columns(spec), penguins(10, seed=1, missing=0.2))
    assert list(found) == ["mass", "mass.presence", "island", "track.mean", "track.deviation"]
    assert np.isnan(found["mass"]).tolist() == [True] * 2 + [False] * 8
    assert found["mass.presence"].tolist() == ["missing"] * 2 + ["given"] * 8
    assert found["island"][0] == "missing"


def test_what_changed_in_a_table_is_named(spec: ModelSpec) -> None:
    limits = Monitoring()
    assert beyond(spec, penguins(400, seed=2), limits) == {}
    assert set(beyond(spec, penguins(400, seed=2, heavier=1500), limits)) == {"mass"}
    told = beyond(spec, penguins(400, seed=2, missing=0.3), limits)
    assert told == {"mass.presence": "given", "island": "missing"}


def test_a_feature_may_have_its_own_limit(spec: ModelSpec) -> None:
    requests = penguins(400, seed=2, missing=0.3)
    wide = Monitoring(limits={"island": 0.5})
    assert set(beyond(spec, requests, wide)) == {"mass.presence"}
    assert "mass" in beyond(spec, requests, Monitoring(numeric=0.0001, limits={"island": 0.5}))
