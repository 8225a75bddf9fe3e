"""The version that a request's ModelSpec names, and the tasks of a MultiInference request."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from serving.server.dataplane import classify_regress
from serving.server.dataplane.saved_model import DEFAULT_SIGNATURE
from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.versions import Lease, Models


@contextmanager
def leased(models: Models, request: Any, version: int | None = None) -> Iterator[Lease]:
    """Yields the version that a request's ModelSpec names; an error in the block releases it.

    Args:
        version: the version to use instead, if it is already known.
    """
    name, wanted, label = spec_of(request)
    lease = models.lease(name, version) if version else models.lease(name, wanted, label)
    try:
        yield lease
    except BaseException:
        lease.release()
        raise


def check_tasks(tasks: Any) -> None:
    """Raises ServingError for tasks that cannot be one MultiInference request."""
    seen: set[str] = set()
    for task in tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != tasks[0].model_spec.name:
            raise invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise invalid(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        if task.method_name not in (
            classify_regress.CLASSIFY_METHOD,
            classify_regress.REGRESS_METHOD,
        ):
            raise ServingError(
                Code.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}"
            )


def spec_of(request: Any) -> tuple[str, int | None, str | None]:
    """Returns name, version and label of a request's ModelSpec. Raises ServingError."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    choice = spec.WhichOneof("version_choice")
    version = int(spec.version.value) if choice == "version" else None
    return spec.name, version, spec.version_label if choice == "version_label" else None
