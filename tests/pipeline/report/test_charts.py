import re

import pytest

from pipeline.html.charts import bars, histogram, lines


def test_every_difference_is_counted_once() -> None:
    values = [0.0, 1e-12, 3e-7, 3e-7, 0.02, 0.99, 1.0]
    drawn = histogram("differences", values, limit=1e-5)
    told = re.findall(r"<title>(\d+) examples differ by (\S+) to (\S+)</title>", drawn)
    assert told == [
        ("2", "0", "1e-9"),
        ("2", "1e-7", "1e-6.5"),
        ("1", "1e-2", "1e-1.5"),
        ("2", "1e-0.5", "1e0"),
    ]


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5], [float("nan")], [1e-9, 1e9]])
def test_a_line_chart_accepts_any_values(values: list[float]) -> None:
    drawn = lines("loss", {"training": values}, across="epoch")
    assert "nan" not in drawn.replace("finite", "")
    assert "inf" not in drawn.replace("finite", "")


def test_a_bar_below_the_limit_stands_out() -> None:
    drawn = bars("accuracy", {"a": 0.9, "b": 0.2}, limit=0.5)
    assert drawn.count('class="bar bad"') == 1
    assert "least allowed: 0.5" in drawn
