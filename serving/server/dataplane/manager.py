"""The life cycle of versions: found on disk, loaded, warmed up, served, unloaded."""

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.server.dataplane.model_config import (
    ModelConfig,
    Sampling,
    require_versions,
    versions_in,
)
from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import Code, ServingError, from_exception
from serving.server.dataplane.versions import Lease, Models, State, Version, moment

LOG = logging.getLogger("fanout-model-server")
# How long a version that is being unloaded may take to finish the requests it has begun.
DRAIN_SECONDS = 60.0
Loader = Callable[[str, int, Path], Servable]


@dataclass
class _Failure:
    """A version that did not load: retried when its files change, or after a while."""

    files: object
    attempts: int
    retry_at: float
    since: float


class Manager:
    """Keeps the loaded versions in line with the configuration and the disk.

    A new version is loaded and warmed up beside the old one before the old one is unloaded. A
    version that does not load replaces nothing; its state holds the reason.
    """

    def __init__(
        self,
        models: Models,
        configs: Sequence[ModelConfig],
        loader: Loader,
        *,
        max_retries: int = 5,
        retry_seconds: float = 60.0,
        any_label: bool = False,
    ) -> None:
        self._models = models
        self._configs = list(configs)
        self._logging = _logging(configs)
        self._loader = loader
        self._max_retries = max_retries
        self._retry_seconds = retry_seconds
        self._any_label = any_label
        self._failures: dict[tuple[str, int], _Failure] = {}
        self._complaints: dict[str, str] = {}
        self._garbage = False
        self._pass = threading.Lock()

    def load_all(self) -> None:
        """Loads the versions that are on disk.

        Raises ServingError for a model without a version that loads, or for a label whose version
        is not available.
        """
        self.sync()
        for config in self._configs:
            self._require(config)

    def configure(self, configs: Sequence[ModelConfig]) -> None:
        """Serves these models from now on: loads new ones, unloads those that were removed.

        Raises the same errors as load_all(), after everything that could be done was done.
        """
        with self._pass:
            before = {config.name: config.base_path for config in self._configs}
            after = {config.name: config.base_path for config in configs}
            self._configs = list(configs)
            self._logging = _logging(configs)
            for name, base_path in before.items():
                if after.get(name) == base_path:
                    continue
                self._models.set_labels(name, {})
                for version in self._models.available(name):
                    self._unload(name, version)
        self.load_all()

    def logging(self, name: str) -> Sampling | None:
        """Returns the request log's sampling in a model's own configuration, if there is one."""
        return self._logging.get(name)

    def _require(self, config: ModelConfig) -> None:
        """Raises ServingError when a model or a label has no version that can answer."""
        available = {version.number for version in self._models.available(config.name)}
        if not available:
            versions = self._models.versions(config.name)
            if versions and versions[-1].error:
                raise versions[-1].error
            require_versions(config)
        for label, number in config.labels.items():
            if number not in available and not self._any_label:
                raise ServingError(
                    Code.FAILED_PRECONDITION,
                    f"Request to assign label {label} to version {number} of model "
                    f"{config.name}, which is not currently available for inference",
                )

    def sync(self) -> None:
        """Looks at the disk once, and loads and unloads versions accordingly."""
        with self._pass:
            for config in self._configs:
                try:
                    self._sync_model(config)
                except (ServingError, OSError) as error:
                    self._complain(config.name, f"model {config.name}: {error}")
                else:
                    self._complain(config.name, "")
            if self._garbage:
                # TensorFlow's graphs contain reference cycles. Python would collect them only
                # eventually, and until then memory would grow with each version.
                gc.collect()
                self._garbage = False

    def _sync_model(self, config: ModelConfig) -> None:
        on_disk = versions_in(config.base_path)
        wanted = config.policy.choose(list(on_disk))
        for number in wanted:
            self._load(config.name, number, on_disk[number])
        self._models.set_labels(config.name, config.labels)
        available = self._models.available(config.name)
        if not any(version.number in wanted for version in available):
            return  # no wanted version is ready: keep serving the current ones
        for version in available:
            if version.number not in wanted:
                self._unload(config.name, version)

    def _load(self, name: str, number: int, path: Path) -> None:
        current = {version.number: version for version in self._models.versions(name)}.get(number)
        if current and current.state is State.AVAILABLE:
            return
        files = _fingerprint(path)
        failed = self._failures.get((name, number))
        attempts, since = 1, time.time()
        if failed and failed.files == files:
            if failed.attempts > self._max_retries or time.monotonic() < failed.retry_at:
                return
            attempts, since = failed.attempts + 1, failed.since
        self._models.set(name, Version(number, State.LOADING))
        started = time.perf_counter()
        try:
            servable = self._loader(name, number, path)
        except Exception as error:
            cause = from_exception(error)
            # A new error, because the raised one refers to the frames, and they to the graph.
            problem = ServingError(cause.code, cause.message)
            retry_at = time.monotonic() + self._retry_seconds
            self._failures[name, number] = _Failure(files, attempts, retry_at, since)
            ended = Version(number, State.END, problem, None, since, attempts)
            self._models.set(name, ended)
            LOG.error("model %s version %d not loaded: %s", name, number, problem.message)
            self._garbage = True
            return
        self._failures.pop((name, number), None)
        self._models.set(name, Version(number, State.AVAILABLE, lease=Lease(servable)))
        LOG.info("loaded %s version %d in %.2f s", name, number, time.perf_counter() - started)

    def _unload(self, name: str, version: Version) -> None:
        lease = version.lease
        assert lease is not None  # noqa: S101 - available versions have one
        self._models.set(name, Version(version.number, State.UNLOADING))
        if not lease.retire(DRAIN_SECONDS):
            LOG.warning(
                "%s version %d is still in use; it is closed when its last request ends",
                name,
                version.number,
            )
        self._models.set(name, Version(version.number, State.END))
        self._garbage = True
        LOG.info("unloaded %s version %d", name, version.number)

    def _complain(self, name: str, text: str) -> None:
        if self._complaints.get(name, "") != text:
            self._complaints[name] = text
            self._models.set_complaint(
                name, f"{text} (since {moment(time.time())})" if text else ""
            )
            if text:
                LOG.warning("%s", text)


def _logging(configs: Sequence[ModelConfig]) -> dict[str, Sampling]:
    return {config.name: config.logging for config in configs if config.logging}


def _fingerprint(path: Path) -> object:
    """Returns a value that changes while a version directory is still being copied."""
    files = []
    for file in path.rglob("*"):
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        files.append((str(file), status.st_size, status.st_mtime_ns))
    return tuple(sorted(files))
