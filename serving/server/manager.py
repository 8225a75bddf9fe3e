"""The life of versions: found on disk, loaded, warmed up, served, unloaded."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.server.model_config import ModelConfig, versions_in
from serving.server.models import Lease, Models, State, Version
from serving.server.saved_model import Servable
from serving.server.statuses import Code, ServingError, from_exception

LOG = logging.getLogger("fanout-model-server")
# How long an unloaded version may finish the requests it has begun.
DRAIN_SECONDS = 60.0
Loader = Callable[[str, int, Path], Servable]


@dataclass
class _Failure:
    """A version that did not load: tried again when its files change, or after a while."""

    files: object
    attempts: int
    retry_at: float


class Manager:
    """Makes what is loaded follow what the configuration and the disk say.

    A new version is loaded and warmed up beside the old one before the old one is unloaded. A
    version that does not load replaces nothing; its state says why.
    """

    def __init__(
        self,
        models: Models,
        configs: Sequence[ModelConfig],
        loader: Loader,
        *,
        max_retries: int = 5,
        retry_seconds: float = 60.0,
    ) -> None:
        self._models = models
        self._configs = list(configs)
        self._loader = loader
        self._max_retries = max_retries
        self._retry_seconds = retry_seconds
        self._failures: dict[tuple[str, int], _Failure] = {}
        self._complaints: dict[str, str] = {}
        self._pass = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def load_all(self) -> None:
        """Loads what is there. Raises ServingError for a model of which no version loads."""
        self.sync()
        for config in self._configs:
            if self._models.available(config.name):
                continue
            versions = self._models.versions(config.name)
            if versions and versions[-1].error:
                raise versions[-1].error
            versions_in(config.base_path)
            raise ServingError(
                Code.NOT_FOUND,
                f"no versions of model {config.name} to serve in {config.base_path}; expected "
                f"a folder such as {config.base_path / '1'} with a saved_model.pb",
            )

    def configure(self, configs: Sequence[ModelConfig]) -> None:
        """Serves these models from now on: loads new ones, unloads those that are gone."""
        with self._pass:
            gone = {config.name for config in self._configs} - {c.name for c in configs}
            self._configs = list(configs)
            for name in gone:
                self._models.set_labels(name, {})
                for version in self._models.available(name):
                    self._unload(name, version)
        self.sync()

    def start(self, poll_seconds: float) -> None:
        """Looks for changes every so many seconds, in a thread, until stop()."""
        self._thread = threading.Thread(
            target=self._poll, args=(poll_seconds,), name="version-poll", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ends the polling."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=5)

    def sync(self) -> None:
        """Looks at the disk once and loads and unloads what follows from it."""
        with self._pass:
            for config in self._configs:
                try:
                    self._sync_model(config)
                except (ServingError, OSError) as error:
                    self._complain(config.name, f"model {config.name}: {error}")
                else:
                    self._complaints.pop(config.name, None)

    def _poll(self, seconds: float) -> None:
        while not self._stop.wait(seconds):
            try:
                self.sync()
            except Exception:
                LOG.exception("looking for new versions failed")

    def _sync_model(self, config: ModelConfig) -> None:
        there = versions_in(config.base_path)
        wanted = config.policy.choose(list(there))
        for number in wanted:
            self._load(config.name, number, there[number])
        self._models.set_labels(config.name, config.labels)
        available = self._models.available(config.name)
        if not any(version.number in wanted for version in available):
            return  # nothing wanted is ready: what is served stays
        for version in available:
            if version.number not in wanted:
                self._unload(config.name, version)

    def _load(self, name: str, number: int, path: Path) -> None:
        current = {version.number: version for version in self._models.versions(name)}.get(number)
        if current and current.state is State.AVAILABLE:
            return
        files = _fingerprint(path)
        failed = self._failures.get((name, number))
        attempts = 1
        if failed and failed.files == files:
            if failed.attempts > self._max_retries or time.monotonic() < failed.retry_at:
                return
            attempts = failed.attempts + 1
        self._models.set(name, Version(number, State.LOADING))
        started = time.perf_counter()
        try:
            servable = self._loader(name, number, path)
        except Exception as error:
            problem = from_exception(error)
            retry_at = time.monotonic() + self._retry_seconds
            self._failures[name, number] = _Failure(files, attempts, retry_at)
            self._models.set(name, Version(number, State.END, problem))
            LOG.error("model %s version %d not loaded: %s", name, number, problem.message)
            return
        self._failures.pop((name, number), None)
        self._models.set(name, Version(number, State.AVAILABLE, lease=Lease(servable)))
        LOG.info("loaded %s version %d in %.2f s", name, number, time.perf_counter() - started)

    def _unload(self, name: str, version: Version) -> None:
        lease = version.lease
        assert lease is not None  # noqa: S101 - available versions have one
        self._models.set(name, Version(version.number, State.UNLOADING))
        if not lease.retire(DRAIN_SECONDS):
            LOG.warning("%s version %d is still in use, left to end", name, version.number)
        self._models.set(name, Version(version.number, State.END))
        LOG.info("unloaded %s version %d", name, version.number)

    def _complain(self, name: str, text: str) -> None:
        if self._complaints.get(name) != text:
            self._complaints[name] = text
            LOG.warning("%s", text)


def _fingerprint(path: Path) -> object:
    """Returns what tells a version directory that is still being copied from a finished one."""
    files = []
    for file in path.rglob("*"):
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        files.append((str(file), status.st_size, status.st_mtime_ns))
    return tuple(sorted(files))
