import io

import pytest
from rich.console import Console

from core.agreement.checks import FAILED, PASSED, Check
from pipeline.commands.table import print_checks


def printed(*checks: Check, made_up: bool = False) -> str:
    stream = io.StringIO()
    print_checks(Console(file=stream), checks, title="Rows", made_up=made_up)
    return stream.getvalue()


def row(metric: str, score: float | None, accuracy: float | None = None) -> Check:
    return Check(
        "web", "float32", "wasm", PASSED, examples=40, accuracy=accuracy, score=score, metric=metric
    )


@pytest.mark.parametrize(
    ("check", "heading", "cell"),
    [
        (row("accuracy", 0.91239, 0.91239), "accuracy", " 0.9124 "),
        (row("", None, 0.5), "accuracy", " 0.5000 "),  # from before outputs had roles
        (row("R²", -0.25), "score", " R² -0.2500 "),
        (row("mean IoU", 0.7), "score", " mean IoU 0.7000 "),
    ],
)
def test_a_score_has_its_name_where_it_is_not_an_accuracy(
    check: Check, heading: str, cell: str
) -> None:
    text = printed(check)
    assert f" {heading} " in text.splitlines()[2]
    assert cell in text
    assert " examples " in text


def test_a_model_without_a_score_has_no_column_for_it() -> None:
    text = printed(row("", None), Check("web", "float16", "wasm", FAILED, reason="too far"))
    assert "score" not in text
    assert "accuracy" not in text


def test_made_up_inputs_are_called_that() -> None:
    text = printed(row("accuracy", 1.0, 1.0), made_up=True)
    assert " made-up inputs " in text
    assert "accuracy" not in text
    assert "1.0000" not in text
    assert "The inputs are made up" in text
