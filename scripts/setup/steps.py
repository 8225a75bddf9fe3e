"""Steps of the set-up: skipped when their stamp is fresh, logged, and explained on failure."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "build" / "setup"


class StepFailed(Exception):
    """A step could not finish; the message says why."""


@dataclass(frozen=True)
class Step:
    """One thing that the set-up installs.

    Attributes:
        name: its name in the summary.
        stamp: the file that records the inputs of its last completed run.
        inputs: the files that make it stale when they change.
        action: does the work; it gets the step's log, which runs commands. The summary shows what
            it returns.
        advice: tells the user what to do when it fails.
        also: further inputs that are not files, such as the interpreter's path.
    """

    name: str
    stamp: Path
    inputs: tuple[Path, ...]
    action: Callable[["Log"], str]
    advice: str
    also: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        digest = hashlib.sha256("\0".join(self.also).encode())
        for file in self.inputs:
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def is_fresh(self) -> bool:
        return self.stamp.is_file() and self.stamp.read_text().split("\n")[0] == self.fingerprint()

    def mark_done(self) -> None:
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        partial = self.stamp.with_name(self.stamp.name + ".partial")
        partial.write_text(self.fingerprint() + "\n")
        partial.replace(self.stamp)


class Log:
    """Runs commands with their output in a file, so the terminal shows only the steps."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")

    def run(
        self, command: Sequence[object], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None
    ) -> None:
        """Runs a command until it ends. Raises StepFailed when its exit code is not 0."""
        words = [str(word) for word in command]
        with self.file.open("a") as output:
            print("$", *words, file=output, flush=True)
            try:
                done = subprocess.run(
                    words,
                    check=False,
                    cwd=cwd,
                    env={**os.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                raise StepFailed(f"{words[0]}: {error.strerror}") from error
        if done.returncode:
            raise StepFailed(self.last_words())

    def last_words(self) -> str:
        """Returns the last lines of output, without warnings: those are about retries."""
        lines = [line.rstrip() for line in self.file.read_text(errors="replace").splitlines()]
        messages = [line for line in lines if line and not line.startswith(("$", "WARNING:"))]
        return "\n".join(messages[-3:] or lines[-3:])


def run_steps(steps: Iterable[Step]) -> int:
    """Runs the steps that are not fresh, in order, and returns an exit code."""
    done: list[tuple[str, str, float]] = []
    for step in steps:
        if step.is_fresh():
            continue
        log = Log(LOGS / f"{step.name.replace(' ', '-').lower()}.log")
        started = time.monotonic()
        try:
            with _Ticker(step.name):
                summary = step.action(log)
                step.mark_done()
        except (StepFailed, OSError) as error:
            _explain(step, error, log)
            return 1
        done.append((step.name, summary, time.monotonic() - started))
    _summarise(done)
    return 0


def _explain(step: Step, error: Exception, log: Log) -> None:
    reason = str(error)
    if "No space left on device" in reason or getattr(error, "errno", None) == 28:
        free = shutil.disk_usage(ROOT).free / 1e9
        reason += f"\nthe disk is full: {free:.1f} GB are free, the whole set-up takes about 9 GB"
    print(f"\nerror: set-up of the {step.name} failed:", file=sys.stderr)
    for line in reason.splitlines():
        print(f"    {line}", file=sys.stderr)
    print(f"  what to do: {step.advice}", file=sys.stderr)
    print(f"  whole log:  {log.file.relative_to(ROOT)}", file=sys.stderr)
    print("  then run the same command again: it keeps what is already installed.", file=sys.stderr)


def _summarise(done: list[tuple[str, str, float]]) -> None:
    if not done:
        return
    width = max(len(name) for name, _, _ in done)
    print("\nInstalled, below this folder only:")
    for name, summary, seconds in done:
        print(f"  {name:<{width}}  {seconds:6.1f} s  {summary}")
    print()


class _Ticker:
    """Shows which step is running and, on a terminal, how long it has taken so far."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> None:
        print(f"▸ {self._name} …", end="\r" if sys.stdout.isatty() else "\n", flush=True)
        if sys.stdout.isatty():
            self._started = time.monotonic()
            self._thread.start()

    def __exit__(self, kind: object, *_: object) -> None:
        if self._thread.is_alive():
            self._stop.set()
            self._thread.join()
            print(f"\r\033[K{'✗' if kind else '✓'} {self._name}", flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(0.5):
            seconds = time.monotonic() - self._started
            print(f"\r\033[K▸ {self._name} … {seconds:.0f} s", end="", flush=True)
