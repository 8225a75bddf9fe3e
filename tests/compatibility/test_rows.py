"""The rows cover Keras, build, and tell their inputs apart; three of them go all the way."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from core.errors import UserError
from core.toolchain import ROOT
from tests.compatibility import coverage, program
from tests.compatibility.exported import require_telling, tried_with
from tests.compatibility.row import EXAMPLES, Row
from tests.compatibility.rows import ROWS, matching, named
from tests.compatibility.summary_rows import NAMES
from tests.compatibility.weights import randomise


def test_each_name_is_there_once_and_the_105_of_the_summary_are_among_them() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert len(set(NAMES)) == 105
    assert set(NAMES) <= set(names)
    assert len({row.file_name for row in ROWS}) == len(ROWS)


def test_every_public_layer_and_activation_has_a_row_or_a_reason() -> None:
    public = coverage.public_layers() | coverage.public_activations()
    assert coverage.REASONS.keys() <= public.keys()
    covered = {id(public[name]) for row in ROWS for name in row.covered if name in public}
    left = {name for name, value in public.items() if id(value) not in covered}
    assert left == set(coverage.REASONS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_holds_what_it_stands_for_and_tells_inputs_apart(row: Row) -> None:
    model = row.build()
    parts = tf.train.TrackableView(model).descendants()
    classes = {type(part) for part in parts}
    layers = coverage.public_layers()
    claimed = {layers[name] for name in row.covered if name in layers}
    assert claimed <= classes
    randomise(model, 7)
    tried_with(row, model)


def test_a_model_that_answers_the_same_is_not_a_row() -> None:
    with pytest.raises(ValueError, match="varies by"):
        require_telling(named("Dense"), {"output": np.ones((EXAMPLES, 3))})


def test_weights_differ_in_every_part() -> None:
    model = named("BatchNormalization").build()
    randomise(model, 7)
    for weight in model.weights:
        assert np.ptp(np.asarray(weight)) > 0.1, weight.path


def test_an_unknown_row_is_refused() -> None:
    with pytest.raises(UserError, match="no row matches"):
        matching(["Densest"])


@pytest.mark.browser
def test_three_rows_go_all_the_way(tmp_path: Path) -> None:
    rows = [named(name) for name in ("Dense", "Softmax", "bool input")]
    # A process of its own: TensorFlow has started its threads here, and forks would lack them.
    command = [sys.executable, "-m", "tests.compatibility", *(row.name for row in rows)]
    subprocess.run([*command, "--out", tmp_path], cwd=ROOT, check=True)
    for row in rows:
        cells = json.loads((tmp_path / f"{row.file_name}.json").read_text())["cells"]
        wrong = {
            name: cell
            for name, cell in cells.items()
            if cell["verdict"] not in ("agrees", "not offered")
        }
        assert not wrong, row.name
        assert len(cells) == 15


def test_results_are_kept(tmp_path: Path) -> None:
    kept: dict[str, Any] = {"name": "Dense", "cells": {}, "seconds": 1.0}
    (tmp_path / "Dense.json").write_text('{"name": "Dense", "cells": {}, "seconds": 1.0}')
    assert list(program.run([named("Dense")], ("mobile",), tmp_path, 1)) == [kept]
