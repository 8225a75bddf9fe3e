"""What the last run produced, as ML Metadata recorded it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.settings.config import Config


@dataclass(frozen=True)
class Produced:
    """An output artifact of a component of the run.

    Attributes:
        folder: where its payload is.
        properties: its custom properties.
    """

    folder: Path
    properties: dict[str, int | str]


def last_run(config: Config) -> dict[str, dict[str, Produced]]:
    """Returns the outputs of the newest run, by component id and output name.

    A component that was taken from the cache has the outputs of the run that made them.
    """
    from ml_metadata.metadata_store import MetadataStore
    from tfx.orchestration import metadata

    store = MetadataStore(metadata.sqlite_metadata_connection_config(str(config.metadata)))
    runs = store.get_contexts_by_type("pipeline_run")
    newest = max(runs, key=lambda context: int(context.id))
    found: dict[str, dict[str, Produced]] = {}
    executions = {
        execution.id: _component(store, execution.id)
        for execution in store.get_executions_by_context(newest.id)
    }
    events = store.get_events_by_execution_ids(list(executions)) if executions else []
    outputs = [event for event in events if event.type == event.OUTPUT]
    artifacts = {
        artifact.id: artifact
        for artifact in store.get_artifacts_by_id([event.artifact_id for event in outputs])
    }
    for event in outputs:
        key = next((step.key for step in event.path.steps if step.HasField("key")), "")
        found.setdefault(executions[event.execution_id], {})[key] = _produced(
            artifacts[event.artifact_id]
        )
    return found


def _component(store: Any, execution: int) -> str:
    """Returns the component id of an execution: its ``node`` context is ``pipeline.component``."""
    contexts = store.get_contexts_by_execution(execution)
    nodes = [str(context.name) for context in contexts if context.type == "node"]
    return nodes[0].partition(".")[2] if nodes else ""


def _produced(artifact: Any) -> Produced:
    properties = {
        name: value.int_value if value.HasField("int_value") else value.string_value
        for name, value in artifact.custom_properties.items()
    }
    return Produced(Path(artifact.uri), properties)
