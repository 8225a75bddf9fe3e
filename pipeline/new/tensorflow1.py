"""SavedModels of TensorFlow 1 whose variables TensorFlow 2 cannot save again."""

from pathlib import Path
from typing import Any

from models.contract import SIGNATURE_TENSORS

# Variables that are nodes of a graph. TensorFlow 2 runs them, but has no objects for them.
_REFERENCES = {"Variable", "VariableV2"}


def has_reference_variables(function: Any) -> bool:
    """Returns whether the graph of a loaded signature holds variables as nodes."""
    return any(node.op in _REFERENCES for node in function.graph.as_graph_def().node)


def with_constants(source: Path, signature: str, folder: Path) -> Path:
    """Returns a SavedModel of TensorFlow 2 that has the variables' values as constants.

    Args:
        source: the SavedModel of TensorFlow 1.
        signature: the signature to keep; it becomes ``serving_default``.
        folder: where to write.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    v1 = tf.compat.v1
    saved = SavedModel.FromString((source / "saved_model.pb").read_bytes())
    tags = list(saved.meta_graphs[0].meta_info_def.tags)
    with tf.Graph().as_default() as graph, v1.Session() as session:
        described = v1.saved_model.load(session, tags, str(source)).signature_def[signature]
        inputs, outputs = dict(described.inputs), dict(described.outputs)
        operations = [output.name.split(":")[0] for output in outputs.values()]
        definition = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), operations
        )

    def call(*tensors: Any) -> dict[str, Any]:
        given = dict(zip((each.name for each in inputs.values()), tensors, strict=True))
        names = [output.name for output in outputs.values()]
        answers = tf.graph_util.import_graph_def(
            definition, input_map=given, return_elements=names, name=""
        )
        return dict(zip(outputs, answers, strict=True))

    specs = [
        tf.TensorSpec(tf.TensorShape(each.tensor_shape), each.dtype, name=name)
        for name, each in inputs.items()
    ]
    traced = tf.function(call, input_signature=specs, autograph=False)
    place = folder / "saved_model"
    tf.saved_model.save(tf.Module(), str(place), {SIGNATURE_TENSORS: traced})
    return place
