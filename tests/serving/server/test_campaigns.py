"""Small parts of campaigns that are run by hand: nothing leaks, nobody is held up, no shape passes.

Nothing is timed here.
"""

from pathlib import Path

import pytest

from tests.programs import crowd, leaks
from tests.programs import promises as broken


def test_connections_that_end_break_off_or_idle_leave_nothing() -> None:
    report = leaks.run_alone(leaks.Sizes(posts=60, uploads=8, idle=10))
    assert report.problems == [], report.text()
    assert len(report.memory) == 5


def test_small_requests_are_answered_beside_a_crowd() -> None:
    sizes = crowd.Crowd(takers=4, senders=2, sleepers=6)
    report = crowd.run(3.0, sizes, warm_up=0.0)
    assert report.failures == []
    assert report.same
    assert all(report.milliseconds[kind] for kind in crowd.PROBES), report.text()


@pytest.mark.parametrize("onednn", [True, False])
def test_every_broken_promise_is_refused(
    promises: Path, types_model: Path, half_plus_two: Path, onednn: bool
) -> None:
    models = {"promises": promises, "types": types_model, "half": half_plus_two}
    report = broken.run(models, 400, onednn=onednn)
    assert report.problems == []
    assert set(report.refused.values()) == {200}
    assert len(report.refused) == 2 * len(models)
