"""A runtime's process: its answers, its errors and its crashes."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from core.agreement.checks import FAILED, PASSED, Check, compare
from core.agreement.target import Artifacts
from core.errors import UserError
from core.toolchain import EDGE_PYTHON
from mobile.checks import runtimes
from mobile.checks.runtimes import RUNTIMES, RuntimeFailedError, run
from models.spec import Limits
from tests.mobile.conftest import Sample
from tests.mobile.roles import Release


@pytest.fixture
def inputs(sample: Sample, tmp_path: Path) -> Path:
    sample.golden.head(20).save(tmp_path / "inputs")
    return tmp_path / "inputs"


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.title)
def test_an_answer_has_every_output_and_figures(
    runtime: runtimes.EdgeRuntime, converted: Artifacts, sample: Sample, inputs: Path, scratch: Path
) -> None:
    answer = run(runtime, converted.variants["int8_uint8"], inputs, scratch)
    assert answer.outputs["probabilities"].dtype == np.float32
    np.testing.assert_allclose(
        answer.outputs["probabilities"], sample.golden.outputs["probabilities"][:20], atol=0.05
    )
    assert answer.figures["p50_ms"] <= answer.figures["p95_ms"]
    assert 10 < answer.figures["peak_mib"] < 400
    assert f"{runtime.title} {answer.figures['version']}" == runtime.label()


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.title)
@pytest.mark.parametrize(
    ("made", "variant"),
    [("mixed_inputs", "float32"), ("all_roles", "float32"), ("all_roles", "int8_uint8")],
)
def test_every_type_of_input_and_every_role_of_output_agrees(
    runtime: runtimes.EdgeRuntime,
    made: str,
    variant: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    scratch: Path,
) -> None:
    release: Release = request.getfixturevalue(made)
    release.golden.save(tmp_path / "golden")
    answer = run(runtime, release.file(variant), tmp_path / "golden", scratch)
    limits = {
        "float32": Limits(agreement=1.0, max_diff=1e-5),
        # The decisions of an untrained network are often close calls.
        "int8_uint8": Limits(agreement=0.8, rms_diff=0.05, accuracy_drop=0.2),
    }[variant]
    row = compare(
        answer.outputs, release.golden, limits, row=Check("mobile", variant, "device", FAILED)
    )
    assert row.status == PASSED, row.reason


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.title)
def test_inputs_of_another_name_are_refused(
    runtime: runtimes.EdgeRuntime, converted: Artifacts, inputs: Path, scratch: Path
) -> None:
    (inputs / "input.image.npy").rename(inputs / "input.picture.npy")
    with pytest.raises(RuntimeFailedError, match=r"\['image'\], not \['picture'\]"):
        run(runtime, converted.variants["float32"], inputs, scratch)


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.title)
def test_inputs_of_another_shape_are_refused(
    runtime: runtimes.EdgeRuntime, converted: Artifacts, inputs: Path, scratch: Path
) -> None:
    np.save(inputs / "input.image.npy", np.zeros((5, 14, 14, 1), np.float32))
    with pytest.raises(RuntimeFailedError, match=r"\(1, 28, 28, 1\), not \(1, 14, 14, 1\)"):
        run(runtime, converted.variants["float32"], inputs, scratch)


def test_a_crash_is_told_by_its_signal(
    converted: Artifacts, inputs: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aborting = scratch.with_name("aborting.py")
    aborting.write_text(
        "import os, sys\n"
        "print('INFO: ready\\nout of memory', file=sys.stderr, flush=True)\n"
        "os.abort()\n"
    )
    monkeypatch.setattr(runtimes, "RUNNER", aborting)
    with pytest.raises(RuntimeFailedError, match="crashed with SIGABRT: out of memory"):
        run(RUNTIMES[0], converted.variants["float32"], inputs, scratch)


@pytest.mark.parametrize("runtime", RUNTIMES, ids=lambda runtime: runtime.title)
def test_what_a_runtime_says_when_all_is_well_is_known(
    runtime: runtimes.EdgeRuntime, converted: Artifacts, inputs: Path, scratch: Path
) -> None:
    """Else it would stand for the last words of one that crashed."""
    model = converted.variants["float32"]
    done = subprocess.run(
        [EDGE_PYTHON, "-I", runtimes.RUNNER, runtime.module, model, inputs, scratch],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    assert lines
    assert [line for line in lines if not line.startswith(runtimes._CHATTER)] == []


def test_a_runtime_that_hangs_is_ended(
    converted: Artifacts, inputs: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = scratch.with_name("hanging.py")
    hanging.write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(runtimes, "RUNNER", hanging)
    monkeypatch.setattr(runtimes, "TIMEOUT_S", 1)
    with pytest.raises(RuntimeFailedError, match="no answer within 1 s"):
        run(RUNTIMES[0], converted.variants["float32"], inputs, scratch)


def test_a_missing_environment_names_the_command(
    converted: Artifacts, inputs: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "EDGE_PYTHON", EDGE_PYTHON.with_name("absent"))
    with pytest.raises(UserError, match="make setup"):
        run(RUNTIMES[0], converted.variants["float32"], inputs, scratch)


def test_the_runner_needs_nothing_of_the_project(
    converted: Artifacts, inputs: Path, scratch: Path
) -> None:
    """As a person would call it on a device: another folder, no environment variables."""
    runner = scratch / "runner.py"
    runner.write_text(runtimes.RUNNER.read_text())
    model = converted.variants["float32"]
    subprocess.run(
        [EDGE_PYTHON, "-I", runner, "ai_edge_litert", model, inputs, scratch, "--threads", "2"],
        check=True,
        cwd="/",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
    )
    assert json.loads((scratch / "figures.json").read_text())["p50_ms"] > 0
