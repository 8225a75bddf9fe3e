"""A step of the set-up: skipped when its stamp is fresh, logged, and explained when it fails."""

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
    """One thing the set-up installs.

    Attributes:
        name: what it is, as the summary calls it.
        stamp: the file that says with which inputs it was last done.
        inputs: files whose change makes it stale.
        action: does it; gets a function that runs a command into the step's log. What it
            returns is said in the summary.
        advice: what to do when it fails.
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
    """Runs commands with their output in a file, so that the terminal shows the steps alone."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")

    def run(
        self, command: Sequence[object], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None
    ) -> None:
        """Runs a command to its end. Raises StepFailed when its exit code is not 0."""
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
        """Returns the last lines that say what went wrong: warnings of retries do not."""
        lines = [line.rstrip() for line in self.file.read_text(errors="replace").splitlines()]
        told = [line for line in lines if line and not line.startswith(("$", "WARNING:"))]
        return "\n".join(told[-3:] or lines[-3:])


def run_steps(steps: Iterable[Step]) -> int:
    """Does the steps that are not fresh, in order, and returns an exit code."""
    done: list[tuple[str, str, float]] = []
    for step in steps:
        if step.is_fresh():
            continue
        log = Log(LOGS / f"{step.name.replace(' ', '-').lower()}.log")
        started = time.monotonic()
        try:
            with _Ticker(step.name):
                said = step.action(log)
                step.mark_done()
        except (StepFailed, OSError) as error:
            _explain(step, error, log)
            return 1
        done.append((step.name, said, time.monotonic() - started))
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
    print("  then run the same command again: what is installed is kept.", file=sys.stderr)


def _summarise(done: list[tuple[str, str, float]]) -> None:
    if not done:
        return
    width = max(len(name) for name, _, _ in done)
    print("\nInstalled, below this folder only:")
    for name, said, seconds in done:
        print(f"  {name:<{width}}  {seconds:6.1f} s  {said}")
    print()


class _Ticker:
    """Says which step is under way, and on a terminal how long it has taken so far."""

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
