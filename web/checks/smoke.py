"""Clicks every sample on a deployed page in Chromium and compares the answers on the page."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.agreement.checks import FAILED, Check, compare, failure
from core.agreement.golden import Golden
from core.errors import FanoutError, UserError
from models.spec import Limits
from web.checks.driver import run_script
from web.checks.engines import with_problems

SECONDS = 180.0


def smoke(url: str, golden: Path, *, limits: Limits) -> list[Check]:
    """Returns one row: the page's answers at ``url``, compared with a release's golden.json.

    Raises UserError when ``golden`` is not a release's golden.json.
    """
    examples, expected = _read(golden)
    row = Check("web", "page", "the page", FAILED)
    try:
        job = {"url": url, "examples": examples, "timeout": SECONDS * 1000}
        answer = run_script("smoke", job, seconds=SECONDS + 60)
    except FanoutError as error:
        return [failure(row, str(error), limits=limits)]
    runtime = f"the page on {answer['engine']} ({answer['browser']})"
    row = replace(row, runtime=runtime, p50_ms=answer["p50Ms"])
    shown = np.array(answer["outputs"], np.float32)
    return [with_problems(compare(shown, expected, limits, row=row), answer["problems"])]


def _read(file: Path) -> tuple[list[dict[str, object]], Golden]:
    try:
        examples = json.loads(file.read_text())["examples"]
        outputs = [next(iter(example["outputs"].values())) for example in examples]
        inputs = {
            name: np.array([example["inputs"][name] for example in examples])
            for name in examples[0]["inputs"]
        }
        labels = np.array([example["label"] for example in examples], np.int64)
        return examples, Golden(inputs, labels, np.array(outputs, np.float32))
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"{file} is not a release's golden.json: {error}") from error
