"""python -m tests.faults.workshop: commands on a build folder, each in a fork of one warm process.

A job is a line of JSON on standard input; its outcome is a line on standard output. Importing
Python's and the project's modules again for each of hundreds of faults would cost a second each
time.
"""

import contextlib
import gc
import json
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement.checks import FAILED, PASSED, Check
from pipeline.commands import cli, run
from pipeline.release import assemble as assembly
from pipeline.release.assemble import Parts
from pipeline.settings.config import Config
from pipeline.settings.lock import exclusive
from tests.faults.calls import Faults
from tests.golden import classes_golden

WARM = (
    *("assemble", "assemble", "assemble", "promote 1", "promote 2", "status --json", "run"),
    *("rollback", "prune --keep 1"),
)
LIMIT_MISSED = "agreement 0.5 is below 0.97"


@dataclass(frozen=True)
class Job:
    """A command and the fault in it.

    Attributes:
        builds: the folder with build folders and the artifacts that releases are made from.
        command: a verb of ``fanout`` with its arguments. ``run`` and ``assemble`` stand for the
            part of a run after its pipeline; with the suffix ``-refused``, a check failed.
        harm, at: the same as in ``Faults``.
        said: the file for the command's output.
    """

    builds: str
    command: list[str]
    said: str
    harm: str = "none"
    at: int = 0


def configuration(builds: Path) -> Config:
    config = Config.from_environment("fashion", "quick")
    return replace(config, builds=builds, spec=replace(config.spec, golden_examples=2))


def parts(builds: Path, fingerprint: str, *, refused: bool = False) -> Parts:
    """Returns the parts that the pipeline hands over, from the artifacts in ``builds/made``."""
    artifacts = builds / "made"
    targets = {target: artifacts / target for target in ("serving", "mobile", "web")}
    golden = classes_golden(
        {"image": np.zeros((20, 28, 28, 1), np.float32)},
        np.arange(20) % 10,
        np.full((20, 10), 0.1, np.float32),
    )
    checks = [Check(target, "float32", "runtime", PASSED) for target in targets]
    if refused:
        checks.append(Check("mobile", "int8", "LiteRT", FAILED, reason=LIMIT_MISSED))
    metrics = {"accuracy": 0.9, "examples": 20, "slices": {}}
    return Parts(targets, golden, metrics, checks, fingerprint)


def make_artifacts(builds: Path) -> None:
    """Writes small files in the layout of the targets' conversions."""
    for name, size in (
        ("serving/saved_model.pb", 70_000),
        ("serving/variables/variables.index", 300),
        ("mobile/fashion.int8.tflite", 9_000),
        ("web/index.html", 500),
        ("web/model/model.json", 2_000),
    ):
        file = builds / "made" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(np.random.default_rng(size).bytes(size))
    (builds / "made" / "web" / "package.json").write_text('{"version": "0.0.0"}')


def run_release(builds: Path, *, refused: bool = False) -> int:
    """Does the steps of ``fanout run`` that follow the pipeline."""
    config = configuration(builds)
    with exclusive(config.build.folder):
        new = parts(builds, "sha256:new", refused=refused)
        run.bring_up_to_date(config, new.fingerprint, lambda: assembly.assemble(config, new))
    return 0


def assemble(builds: Path, *, refused: bool = False) -> int:
    assembly.assemble(configuration(builds), parts(builds, "sha256:old", refused=refused))
    return 0


def _execute(job: Job) -> int:
    os.environ["FANOUT_BUILD"] = job.builds
    verb, builds = job.command[0], Path(job.builds)
    refused = verb.endswith("-refused")
    if verb.startswith("run"):
        return cli.guarded(lambda: run_release(builds, refused=refused))
    if verb.startswith("assemble"):
        return assemble(builds, refused=refused)
    return cli.main(job.command)


def _child(job: Job, to_parent: int) -> None:
    said = os.open(job.said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(said, 1)
    os.dup2(said, 2)
    faults = Faults(job.builds, job.harm, job.at)
    write = os.write
    faults.install()
    code = 99
    try:
        code = _execute(job)
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        traceback.print_exc()
    faults.harm = "none"
    sys.stdout.flush()
    sys.stderr.flush()
    write(to_parent, json.dumps(faults.calls).encode())
    os._exit(code)


def _outcome(job: Job) -> dict[str, Any]:
    from_child, to_parent = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(from_child)
        _child(job, to_parent)
    os.close(to_parent)
    with os.fdopen(from_child, "rb") as stream:
        calls = stream.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return {"code": code, "calls": json.loads(calls or b"[]"), "said": Path(job.said).read_text()}


def _warm() -> None:
    """Runs each command once, so that the modules that commands import late are imported."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        make_artifacts(Path(folder))
        with contextlib.redirect_stdout(nowhere):
            for command in WARM:
                _execute(Job(folder, command.split(), os.devnull))


def main() -> None:
    _warm()
    # Otherwise each fork's collector would look at, and so copy, the memory of all the modules.
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(_outcome(Job(**json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
