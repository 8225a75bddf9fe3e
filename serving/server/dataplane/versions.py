"""The models in memory: the version that answers a request, and the state of each version."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import Code, ServingError, invalid


def moment(seconds: float) -> str:
    """Returns a time in seconds since 1970 as text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class State(IntEnum):
    """ModelVersionStatus.State (tensorflow_serving/apis/get_model_status.proto)."""

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Lease:
    """A loaded version and the number of its users: it is closed only when that is 0."""

    def __init__(self, servable: Servable) -> None:
        self.servable = servable
        self._users = 0
        self._retired = False
        self._closed = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    @property
    def users(self) -> int:
        """Returns how many requests hold the version."""
        return self._users

    def acquire(self) -> bool:
        """Returns whether the version may be used; each True needs one release()."""
        with self._lock:
            if self._retired:
                return False
            self._users += 1
            return True

    def release(self) -> None:
        """Gives the version back; the last user of a retired version closes it."""
        with self._lock:
            self._users -= 1
            if self._users or not self._retired:
                return
        self._close()

    def retire(self, timeout: float) -> bool:
        """Accepts no new users; returns whether the remaining ones finished within the timeout.

        Args:
            timeout: in seconds.
        """
        with self._changed:
            self._retired = True
            if self._users:
                return self._changed.wait_for(lambda: self._closed, timeout)
        self._close()
        return True

    def _close(self) -> None:
        self.servable.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass(frozen=True)
class Version:
    """One version of a model, as the status API shows it.

    Attributes:
        number: its number.
        state: its place in the life cycle.
        error: why it ended, or why the last attempt to load it failed.
        lease: the loaded version while it is AVAILABLE.
        failed_since: when these files first did not load, in seconds since 1970; 0 if they did.
        attempts: how often they were tried.
    """

    number: int
    state: State
    error: ServingError | None = None
    lease: Lease | None = None
    failed_since: float = 0.0
    attempts: int = 0

    @property
    def problem(self) -> str:
        """Returns what is wrong and since when; empty if nothing is."""
        if self.error is None:
            return ""
        if not self.failed_since:
            return self.error.message
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        return f"{self.error.message} (since {moment(self.failed_since)}, tried {times})"


class Models:
    """The loaded models. Readers see only consistent states; one thread at a time writes."""

    def __init__(self) -> None:
        self._versions: Mapping[str, Mapping[int, Version]] = {}
        self._labels: Mapping[str, Mapping[str, int]] = {}
        self._complaints: Mapping[str, str] = {}
        self._lock = threading.Lock()

    def set(self, name: str, version: Version) -> None:
        """Sets the state of a version."""
        with self._lock:
            of_model = {**self._versions.get(name, {}), version.number: version}
            self._versions = {**self._versions, name: dict(sorted(of_model.items()))}

    def set_labels(self, name: str, labels: Mapping[str, int]) -> None:
        """Replaces the labels of a model."""
        with self._lock:
            self._labels = {**self._labels, name: dict(labels)}

    def set_complaint(self, name: str, complaint: str) -> None:
        """Sets why the versions of a model can't be found; empty when they can."""
        with self._lock:
            self._complaints = {**self._complaints, name: complaint}

    def failures(self) -> list[tuple[str, Version]]:
        """Returns the versions that did not load, each with the name of its model."""
        return [
            (name, version)
            for name, versions in self._versions.items()
            for version in versions.values()
            if version.failed_since
        ]

    def names(self) -> list[str]:
        """Returns the names of the models that have a version in any state."""
        return sorted(self._versions)

    def known(self, name: str) -> bool:
        """Returns whether a model of that name has a version in any state."""
        return name in self._versions

    def versions(self, name: str) -> list[Version]:
        """Returns the versions of a model in ascending order; empty for an unknown model."""
        return list(self._versions.get(name, {}).values())

    def available(self, name: str) -> list[Version]:
        """Returns the versions of a model that answer requests, in ascending order."""
        return [version for version in self.versions(name) if version.state is State.AVAILABLE]

    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Lease:
        """Returns the version that answers a request, acquired: the caller must release it.

        Without version and label, that is the highest available one.
        Raises ServingError: NOT_FOUND, or INVALID_ARGUMENT for an unknown label.
        """
        if label is not None:
            version = self.labelled(name, label)
        while True:
            lease = self._find(name, version)
            if lease is None:
                wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
            if lease.acquire():
                return lease
            # It was retired since the look-up; its successor is already available.

    def labelled(self, name: str, label: str) -> int:
        """Returns the version that a label names. Raises ServingError for an unknown label."""
        version = self._labels.get(name, {}).get(label)
        if version is None:
            raise invalid(f"Unrecognized servable version label: {label}")
        return version

    def status(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> list[Version]:
        """Returns the states of a model's versions, highest first, or of one of them.

        Raises ServingError (NOT_FOUND) when there is none.
        """
        if label is not None:
            version = self.labelled(name, label)
        versions = self.versions(name)[::-1]
        if version is not None:
            versions = [one for one in versions if one.number == version]
            if not versions:
                raise ServingError(
                    Code.NOT_FOUND, f"Could not find version {version} of model {name}"
                )
        if not versions:
            complaint = self._complaints.get(name)
            why = f": {complaint}" if complaint else ""
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {name}{why}")
        return versions

    def _find(self, name: str, version: int | None) -> Lease | None:
        versions = self._versions.get(name)
        if not versions:
            return None
        if version is not None:
            exact = versions.get(version)
            return exact.lease if exact and exact.state is State.AVAILABLE else None
        for candidate in reversed(list(versions.values())):
            if candidate.state is State.AVAILABLE:
                return candidate.lease
        return None
