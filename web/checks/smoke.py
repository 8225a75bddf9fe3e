"""Clicks every sample on a deployed page in Chromium and compares the answers on the page."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.agreement.checks import FAILED, Check, compare, failure
from core.agreement.golden import read_golden
from core.errors import FanoutError
from models.spec import Limits, ModelSpec
from web.checks.driver import run_script
from web.checks.engines import with_problems

SECONDS = 180.0


def smoke(url: str, file: Path, *, spec: ModelSpec, limits: Limits) -> list[Check]:
    """Returns one row: the page's answers at ``url``, compared with a release's golden.json.

    Raises UserError when ``file`` is not a release's golden.json.
    """
    expected = read_golden(file, spec)
    examples = json.loads(file.read_text())["examples"]
    row = Check("web", "page", "the page", FAILED)
    try:
        job = {"url": url, "examples": examples, "timeout": SECONDS * 1000}
        answer = run_script("smoke", job, seconds=SECONDS + 60)
    except FanoutError as error:
        return [failure(row, str(error), limits=limits)]
    runtime = f"the page on {answer['engine']} ({answer['browser']})"
    row = replace(row, runtime=runtime, p50_ms=answer["p50Ms"])
    shown = {
        name: np.array([each[name] for each in answer["outputs"]], values.dtype).reshape(
            -1, *values.shape[1:]
        )
        for name, values in expected.outputs.items()
    }
    return [with_problems(compare(shown, expected, limits, row=row), answer["problems"])]
