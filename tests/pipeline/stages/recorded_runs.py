"""Writes runs into ML Metadata, as the pipeline does, without running the pipeline."""

from collections.abc import Mapping
from pathlib import Path

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as proto

PIPELINE = "fashion-quick"


def record_run(metadata: Path, name: str, outputs: Mapping[str, tuple[str, Path]]) -> int:
    """Records a run and returns its start, in milliseconds since the epoch.

    Args:
        metadata: ML Metadata's SQLite file; it is created if it does not exist.
        name: the run's name.
        outputs: for each component, the name of its output and the payload's location.
    """
    connection = proto.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata)
    store = MetadataStore(connection)
    run_type, node_type = (
        store.put_context_type(proto.ContextType(name=name)) for name in ("pipeline_run", "node")
    )
    execution_type = store.put_execution_type(proto.ExecutionType(name="step"))
    artifact_type = store.put_artifact_type(proto.ArtifactType(name="InferenceResult"))
    run = proto.Context(type_id=run_type, name=name)
    for component, (key, folder) in outputs.items():
        execution = proto.Execution(type_id=execution_type, last_known_state=3)
        execution.custom_properties["fingerprint"].string_value = f"of {component} in {name}"
        artifact = proto.Artifact(type_id=artifact_type, uri=str(folder))
        artifact.custom_properties["pushed"].int_value = 1
        event = proto.Event(type=proto.Event.OUTPUT)
        event.path.steps.add().key = key
        node = proto.Context(type_id=node_type, name=f"{PIPELINE}.{component}")
        store.put_execution(
            execution, [(artifact, event)], [run, node], reuse_context_if_already_exist=True
        )
    recorded = store.get_context_by_type_and_name("pipeline_run", name)
    return int(recorded.create_time_since_epoch)
