"""A recurrent network that somebody brings, from its file to what is deployed, without an edit.

``python -m tests.programs.brought`` does the same with every kind of network.
"""

from pathlib import Path

import pytest

from core.agreement.checks import PASSED
from tests.programs.brought import deploy
from tests.second_project import SecondProject

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_an_lstm_is_deployed_everywhere(tmp_path: Path) -> None:
    rows = deploy(SecondProject.at(tmp_path / "copy"), "lstm")
    assert [(row.key, row.reason) for row in rows if row.status != PASSED] == []
    assert {(row.target, row.variant) for row in rows} >= {
        ("serving", "float32"),
        *(("mobile", one) for one in ("float32", "float16", "dynamic", "int8", "int8_uint8")),
        ("web", "float32"),
        ("web", "page"),
    }
