"""Beam gives the same results when it is made quick, and then leaves out what it should."""

import json
import os

import pytest

from tests.warm import Warm, module

# It runs TFX's imports and Beam.
pytestmark = pytest.mark.e2e


def test_results_are_the_same_and_bookkeeping_is_left_out(warm: Warm) -> None:
    done = warm.run(module("tests.pipeline.stages.in_process_program"), os.environ)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    plain, quick = found["plain"], found["quick"]
    assert plain["results"] == quick["results"]
    assert plain["results"][0] == "0: [1, 4, 7, 10, 13, 16, 19]"
    assert plain["options"] == quick["options"]
    assert "'some', 'other'], ['some']" in quick["options"]["experiments"]
    assert plain["flags"] == [*quick["flags"], "--extra_package=made"]
    for what in ("_BeamArgumentParser", "get_signature"):
        assert 0 < quick["done"][what] < plain["done"][what] / 2, what
    assert plain["done"]["get_deep_size"] > 0 == quick["done"].get("get_deep_size", 0)
    assert not found["cloud"]
