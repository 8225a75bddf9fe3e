"""The inputs and outputs of pipeline runs, from ML Metadata. TFX is not imported."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recorded:
    """A recorded artifact.

    Attributes:
        id: its id in ML Metadata.
        key: the component's name for it.
        type: the artifact's type.
        folder: the folder of its payload, which may be gone.
        properties: its custom properties.
    """

    id: int
    key: str
    type: str
    folder: Path
    properties: dict[str, int | str]


@dataclass(frozen=True)
class Step:
    """A component of a run. ``step[key]`` is an output that must exist.

    Attributes:
        component: its id in the pipeline.
        execution: its execution's id in ML Metadata.
        cached: whether its outputs are those of an earlier run.
        fingerprint: covers its code and settings; empty for TFX's own components without any.
        inputs, outputs: its artifacts.
    """

    component: str
    execution: int
    cached: bool
    fingerprint: str
    inputs: tuple[Recorded, ...]
    outputs: tuple[Recorded, ...]

    def output(self, key: str) -> Recorded | None:
        """Returns an output by its name, or None if there is none."""
        return next((output for output in self.outputs if output.key == key), None)

    def __getitem__(self, key: str) -> Recorded:
        output = self.output(key)
        if output is None:
            raise KeyError(f"{self.component} has no output {key}")
        return output


@dataclass(frozen=True)
class Run:
    """A run of the pipeline. ``run[component]`` is a step that must exist.

    Attributes:
        name: the run's name.
        steps: the steps by component, in the order in which they ran.
    """

    name: str
    steps: dict[str, Step]

    def __getitem__(self, component: str) -> Step:
        return self.steps[component]

    def folder(self, component: str, key: str) -> Path | None:
        """Returns the folder of an output; None if it was not recorded or no longer exists."""
        step = self.steps.get(component)
        output = step.output(key) if step else None
        return output.folder if output and output.folder.is_dir() else None


def last_run(metadata: Path) -> Run:
    """Returns the newest run. Call it right after the pipeline has run.

    Args:
        metadata: ML Metadata's SQLite file.

    Raises:
        LookupError: no run is recorded.
    """
    run = _newest_run(metadata)
    if run is None:
        raise LookupError(f"{metadata} records no run")
    return run


def run_before(metadata: Path, created: datetime) -> Run | None:
    """Returns the newest run that began before a moment; None if none is recorded.

    Only one process at a time works on a build folder, so the last run that began before a release
    was written is the one that made it.

    Args:
        metadata: ML Metadata's SQLite file.
        created: the time at which the release was written, from its manifest.
    """
    # The manifest's time is truncated to seconds; a run that began in the same second counts.
    latest = created.replace(tzinfo=created.tzinfo or UTC).timestamp() * 1000 + 1000
    return _newest_run(metadata, latest)


def model_of(metadata: Path, created: datetime) -> int | None:
    """Returns the id of a release's model; None if its run is not recorded.

    The arguments are those of ``run_before``.
    """
    run = run_before(metadata, created)
    trainer = run.steps.get("Trainer") if run else None
    model = trainer.output("model") if trainer else None
    return model.id if model else None


def _newest_run(metadata: Path, latest: float = math.inf) -> Run | None:
    """Returns the newest run that began before a time in milliseconds since the epoch."""
    if not metadata.is_file():
        return None
    store = _open(metadata)
    runs = [
        context
        for context in store.get_contexts_by_type("pipeline_run")
        if context.create_time_since_epoch < latest
    ]
    if not runs:
        return None
    newest = max(runs, key=lambda context: int(context.id))
    executions = sorted(
        store.get_executions_by_context(newest.id), key=lambda execution: int(execution.id)
    )
    steps = [_step(store, execution) for execution in executions]
    return Run(str(newest.name), {step.component: step for step in steps})


def _open(metadata: Path) -> Any:
    """Returns a read-only store."""
    # Imported late, so commands that read no lineage do not wait for it.
    from ml_metadata.metadata_store import MetadataStore
    from ml_metadata.proto import metadata_store_pb2

    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    return MetadataStore(connection)


def _step(store: Any, execution: Any) -> Step:
    nodes = [c.name for c in store.get_contexts_by_execution(execution.id) if c.type == "node"]
    events = store.get_events_by_execution_ids([execution.id])
    artifacts = {
        artifact.id: artifact
        for artifact in store.get_artifacts_by_id([event.artifact_id for event in events])
    }
    # An executor's and a resolver's.
    inputs = [event for event in events if event.type in (event.INPUT, event.INTERNAL_INPUT)]
    outputs = [event for event in events if event.type in (event.OUTPUT, event.INTERNAL_OUTPUT)]
    return Step(
        # The node's name is pipeline.component, and the component's name may contain a dot.
        component=str(nodes[0]).partition(".")[2] if nodes else str(execution.id),
        execution=int(execution.id),
        cached=execution.last_known_state == execution.CACHED,
        fingerprint=_fingerprint(execution.custom_properties),
        inputs=tuple(_recorded(artifacts[event.artifact_id], event) for event in inputs),
        outputs=tuple(_recorded(artifacts[event.artifact_id], event) for event in outputs),
    )


def _recorded(artifact: Any, event: Any) -> Recorded:
    properties = {
        name: value.int_value if value.HasField("int_value") else value.string_value
        for name, value in artifact.custom_properties.items()
    }
    key = next((str(step.key) for step in event.path.steps if step.HasField("key")), "")
    return Recorded(int(artifact.id), key, str(artifact.type), Path(artifact.uri), properties)


def _fingerprint(properties: Any) -> str:
    if "fingerprint" in properties:
        return str(properties["fingerprint"].string_value)
    if "custom_config" not in properties:
        return ""
    try:
        config = json.loads(properties["custom_config"].string_value)
    except ValueError:
        return ""
    return str(config.get("fingerprint", "")) if isinstance(config, dict) else ""
