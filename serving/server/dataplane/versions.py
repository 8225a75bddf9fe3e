"""The models in memory: which version answers a request, and what state each version is in."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from serving.server.dataplane.saved_model import Servable
from serving.server.dataplane.statuses import Code, ServingError, invalid


class State(IntEnum):
    """ModelVersionStatus.State (tensorflow_serving/apis/get_model_status.proto)."""

    UNKNOWN = 0
    START = 10
    LOADING = 20
    AVAILABLE = 30
    UNLOADING = 40
    END = 50


class Lease:
    """A loaded version and the count of its users: it is closed only when nobody uses it."""

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
        """Gives the version back; the last user of a retired one closes it."""
        with self._lock:
            self._users -= 1
            if self._users or not self._retired:
                return
        self._close()

    def retire(self, timeout: float) -> bool:
        """Lets no new users in, and returns whether those left have gone within the timeout.

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
        state: where it is in its life.
        error: why it ended, or why the last attempt to load it failed.
        lease: the loaded version while it is AVAILABLE.
    """

    number: int
    state: State
    error: ServingError | None = None
    lease: Lease | None = None


class Models:
    """What is loaded. Readers see whole states only; one thread at a time writes."""

    def __init__(self) -> None:
        self._versions: Mapping[str, Mapping[int, Version]] = {}
        self._labels: Mapping[str, Mapping[str, int]] = {}
        self._lock = threading.Lock()

    def set(self, name: str, version: Version) -> None:
        """Puts a version in a new state."""
        with self._lock:
            of_model = {**self._versions.get(name, {}), version.number: version}
            self._versions = {**self._versions, name: dict(sorted(of_model.items()))}

    def set_labels(self, name: str, labels: Mapping[str, int]) -> None:
        """Replaces the labels of a model."""
        with self._lock:
            self._labels = {**self._labels, name: dict(labels)}

    def names(self) -> list[str]:
        """Returns the names of the models that have a version in any state."""
        return sorted(self._versions)

    def known(self, name: str) -> bool:
        """Returns whether a model of that name has a version in any state."""
        return name in self._versions

    def versions(self, name: str) -> list[Version]:
        """Returns the versions of a model in rising order, empty for an unknown model."""
        return list(self._versions.get(name, {}).values())

    def available(self, name: str) -> list[Version]:
        """Returns the versions of a model that answer requests, in rising order."""
        return [found for found in self.versions(name) if found.state is State.AVAILABLE]

    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Lease:
        """Returns the version that answers a request, acquired: the caller must release it.

        Without version and label that is the highest one available.
        Raises ServingError: NOT_FOUND, or INVALID_ARGUMENT for an unknown label.
        """
        if label is not None:
            version = self.labelled(name, label)
        while True:
            found = self._find(name, version)
            if found is None:
                wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
            if found.acquire():
                return found
            # It was retired since the look-up; its successor is already there.

    def labelled(self, name: str, label: str) -> int:
        """Returns the version a label stands for. Raises ServingError for an unknown one."""
        version = self._labels.get(name, {}).get(label)
        if version is None:
            raise invalid(f"Unrecognized servable version label: {label}")
        return version

    def status(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> list[Version]:
        """Returns the states of a model's versions, the highest first, or of one of them.

        Raises ServingError (NOT_FOUND) when there is none.
        """
        if label is not None:
            version = self.labelled(name, label)
        found = self.versions(name)[::-1]
        if version is not None:
            found = [one for one in found if one.number == version]
            if not found:
                raise ServingError(
                    Code.NOT_FOUND, f"Could not find version {version} of model {name}"
                )
        if not found:
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        return found

    def _find(self, name: str, version: int | None) -> Lease | None:
        versions = self._versions.get(name)
        if not versions:
            return None
        if version is not None:
            found = versions.get(version)
            return found.lease if found and found.state is State.AVAILABLE else None
        for candidate in reversed(list(versions.values())):
            if candidate.state is State.AVAILABLE:
                return candidate.lease
        return None
