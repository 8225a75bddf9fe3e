from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline.stages.promoted_model import PromotedModel
from tests.pipeline.stages.evaluated import save


def model(number: int) -> Any:
    artifact = Model()
    artifact.id = number
    return artifact


def blessing(of: int, *, blessed: bool = True) -> Any:
    artifact = ModelBlessing()
    artifact.id = 100 + of
    artifact.set_int_custom_property("current_model_id", of)
    artifact.set_int_custom_property("blessed", int(blessed))
    return artifact


@pytest.mark.parametrize(
    ("promoted", "candidate", "expected"),
    [
        ([], 4, [3]),  # nothing is released: the newest blessed model
        ([1, 3], 4, [3]),
        ([1, 3], 3, [1]),  # the candidate is the current release's model: the one before
        ([3, 1], 4, [1]),  # rolled back: not the newest
        ([1], 1, []),
        ([2], 4, []),  # never blessed
    ],
)
def test_a_model_is_compared_with_the_one_in_use(
    promoted: list[int], candidate: int, expected: list[int]
) -> None:
    found = PromotedModel(promoted).resolve_artifacts(
        None,
        {
            "candidate": [model(candidate)],
            "model": [model(number) for number in (4, 1, 3, 2)],
            "model_blessing": [blessing(1), blessing(2, blessed=False), blessing(3)],
        },
    )
    assert [one.id for one in found["model"]] == expected
    assert [one.id for one in found["model_blessing"]] == [100 + number for number in expected]


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"kind": (3,)}, [1]),
        ({"kind": (4,)}, []),
        ({"kind": (3,), "price": (1,)}, []),
        ({"price": (3,)}, []),
    ],
)
def test_a_model_with_other_outputs_is_not_compared(
    outputs: dict[str, tuple[int, ...]], expected: list[int], tmp_path: Path
) -> None:
    before, candidate = model(1), model(2)
    for artifact, shapes in ((before, {"kind": (3,)}), (candidate, outputs)):
        artifact.uri = str(tmp_path / str(artifact.id))
        answers = {name: np.zeros((1, *shape), np.float32) for name, shape in shapes.items()}
        save(Path(artifact.uri, "Format-Serving"), "model", answers)
    found = PromotedModel([1]).resolve_artifacts(
        None,
        {"candidate": [candidate], "model": [before, candidate], "model_blessing": [blessing(1)]},
    )
    assert [one.id for one in found["model"]] == expected
    assert len(found["model_blessing"]) == len(expected)
