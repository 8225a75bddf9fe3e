"""An engine that hangs, or that takes its tab down, is one failed row that names the operation."""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from core.agreement.golden import Golden
from core.agreement.target import Artifacts
from tests.web.conftest import SPEC
from web.checks import engines

LIMITS = {"float32": SPEC.limits["web"]["float32"]}
# Replaces a kernel of TensorFlow.js' WebAssembly file by one that never returns.
ENDLESS_SOFTMAX = """
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...given) => {
  const { instance, module } = await instantiate(...given);
  return { module, instance: { exports: { ...instance.exports, Softmax: () => { for (;;); } } } };
};
WebAssembly.instantiateStreaming = undefined;
"""


@pytest.fixture
def faulty(site: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    """A site whose wasm engine hangs in Softmax; its plain JavaScript works."""
    folder = tmp_path / "site"
    shutil.copytree(site.folder, folder)
    for script in folder.glob("assets/*.js"):
        if "WebAssembly.instantiate" in script.read_text():
            script.write_text(ENDLESS_SOFTMAX + script.read_text())
    monkeypatch.setattr(engines, "BACKENDS", ("wasm", "cpu"))
    variants = {"float32": folder / "model" / "float32"}
    return replace(site, folder=folder, variants=variants)


def test_an_engine_that_hangs_is_one_failed_row(
    faulty: Artifacts, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "STEP_SECONDS", 15.0)
    monkeypatch.setattr(engines, "TRACE_SECONDS", 15.0)
    wasm, cpu, litert = engines.check(faulty, golden, limits=LIMITS)
    assert wasm.status == "failed"
    assert wasm.reason.startswith("TensorFlow.js on wasm cannot run Softmax: no answer within ")
    assert (cpu.status, cpu.reason) == (litert.status, litert.reason) == ("passed", "")


def test_a_tab_that_goes_down_is_one_failed_row(faulty: Artifacts, golden: Golden) -> None:
    with hanging_tabs_killed():
        wasm, cpu, litert = engines.check(faulty, golden, limits=LIMITS)
    assert wasm.status == "failed"
    assert wasm.reason.startswith(
        "TensorFlow.js on wasm cannot run Softmax: the browser's tab crashed"
    )
    assert (cpu.status, cpu.reason) == (litert.status, litert.reason) == ("passed", "")


@contextmanager
def hanging_tabs_killed() -> Iterator[None]:
    """Kills each tab of this process's browsers that has worked for five seconds."""
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(0.5):
            for tab in _tabs():
                if _cpu_seconds(tab) > 5:
                    with suppress(ProcessLookupError):
                        os.kill(tab, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        ended.set()
        killer.join()


def _tabs() -> list[int]:
    """Returns the renderers that descend from this process."""
    parents: dict[int, int] = {}
    renderers = []
    for process in (int(folder.name) for folder in Path("/proc").glob("[0-9]*")):
        if status := _status(process):
            parents[process] = int(status[1])
            with suppress(OSError):
                if b"--type=renderer" in Path(f"/proc/{process}/cmdline").read_bytes():
                    renderers.append(process)

    def descends(process: int) -> bool:
        while process in parents and process != os.getpid():
            process = parents[process]
        return process == os.getpid()

    return [renderer for renderer in renderers if descends(renderer)]


def _cpu_seconds(process: int) -> float:
    status = _status(process)
    return (int(status[11]) + int(status[12])) / os.sysconf("SC_CLK_TCK") if status else 0.0


def _status(process: int) -> list[str]:
    """Returns the fields of a process's ``stat`` after its name; none if it has ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
