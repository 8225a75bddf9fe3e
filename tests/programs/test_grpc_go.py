"""What the report of ``python -m tests.programs.grpc_go`` says, and what it counts as a problem."""

from dataclasses import replace

from tests.programs.grpc_go import LATE, Report, Row, Run

CALLS = Row("3 calls, 1 at a time", 3, 3, {})
DEADLINES = Row("2 deadlines", 2, 0, {LATE: (2, "too late")}, expected=LATE)
GOOD = Run((DEADLINES, CALLS), connections=1, repeated=0, seconds=1.5)


def test_a_good_run() -> None:
    report = Report((GOOD,))
    assert report.problems == []
    assert report.text() == (
        "                      calls  OK  DEADLINE_EXCEEDED  other  connections  seconds  calls/s\n"
        "2 deadlines               2   0                  2      0            1      1.5        1\n"
        "3 calls, 1 at a time      3   3                  0      0            1      1.5        2"
    )


def test_problems() -> None:
    late = replace(CALLS, calls=5, failed={LATE: (2, "too late")})
    answered = replace(DEADLINES, calls=6, ok=3, failed={LATE: (2, ""), "UNAVAILABLE": (1, "no")})
    bad = Run((late, answered, replace(CALLS, calls=0, ok=0)), 2, 7, 1.0)
    assert Report((GOOD, bad)).problems == [
        "3 calls, 1 at a time: DEADLINE_EXCEEDED for 2 of 5 calls; first message: too late",
        "2 deadlines: UNAVAILABLE for 1 of 6 calls; first message: no",
        "2 deadlines: OK for 3 of 6 calls",
        "3 calls, 1 at a time: there were none",
        "3 calls, 1 at a time: 2 connections",
        "3 calls, 1 at a time: 7 calls were sent a second time",
    ]
    assert Report((bad,)).text().splitlines()[2].split()[-6:] == ["3", "2", "1", "2", "1.0", "6"]
