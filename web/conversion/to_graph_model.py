"""Converts SavedModels to TensorFlow.js graph models: to_graph_model.py SAVED_MODEL FOLDER …

The graph models' weights are float32; web/conversion/weights.py makes their other forms. Operators
that TensorFlow.js lacks stay in the graph: web/conversion/rewriting.py replaces or refuses them.

This runs in the converter's own environment (.venv-web-converter), as TensorFlow.js' converter
needs an older TensorFlow than the pipeline. It imports nothing else from this project.
"""

import gc
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

# Packages of the converter that import every format it reads. Only one of its modules is needed.
PACKAGES = ("tensorflowjs", "tensorflowjs.converters")
# What that module imports for decision forests and for models of TensorFlow Hub.
UNUSED = ("tensorflow_decision_forests", "tensorflow_hub")
SIGNATURE = "serving_default"
# Keras has XLA compile grouped convolutions. TensorFlow does not inline such a function.
COMPILED = "_XlaMustCompile"
# Characters that are replaced in a placeholder's name.
REPLACED = r"[^A-Za-z0-9_.\\/>-]"


def main(*paths: str) -> None:
    converter = _converter()
    optimize = converter.optimize_graph

    def optimize_in_single_precision(graph: Any, signature: Any, **options: Any) -> Any:
        return optimize(_in_single_precision(graph, signature), signature, **options)

    converter.optimize_graph = optimize_in_single_precision
    for saved_model, out_dir in zip(paths[::2], paths[1::2], strict=True):
        signature = _meta_graph(Path(saved_model)).signature_def[SIGNATURE]
        with _inlined(Path(saved_model)) as folder:
            converter.convert_tf_saved_model(
                str(folder),
                out_dir,
                signature_def=SIGNATURE,
                weight_shard_size_bytes=64 * 2**20,
                control_flow_v2=True,
                skip_op_check=True,
                strip_debug_ops=True,
            )
        file = Path(out_dir, "model.json")
        model = json.loads(file.read_text())
        _in_fixed_order(model)
        _name_tensors(model["signature"], signature)
        file.write_text(json.dumps(model))


def _converter() -> Any:
    """Returns the converter's module for SavedModels, imported in a third of the usual time.

    TensorFlow looks for Keras while it is being imported, and a SavedModel needs none of it.
    """
    # The imports make many objects and hardly any garbage.
    gc.disable()
    sys.modules["keras"] = None  # type: ignore[assignment]  # makes "import keras" fail
    import tensorflow  # noqa: F401 - the converter's own import must find it

    del sys.modules["keras"]
    sys.modules.update({name: ModuleType(name) for name in UNUSED})
    for name in PACKAGES:
        found = find_spec(name)
        package = ModuleType(name)
        vars(package).update(__path__=found.submodule_search_locations if found else [])
        sys.modules[name] = package
    # Not installed in the environment in which types are checked.
    from tensorflowjs.converters import (  # type: ignore[import-not-found]
        tf_saved_model_conversion_v2,
    )

    gc.enable()
    return tf_saved_model_conversion_v2


def _saved_model(folder: Path) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    return saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def _meta_graph(folder: Path) -> Any:
    return next(
        graph for graph in _saved_model(folder).meta_graphs if "serve" in graph.meta_info_def.tags
    )


@contextmanager
def _inlined(folder: Path) -> Iterator[Path]:
    """Yields a folder with the same SavedModel, whose functions are all inlined when it is frozen.

    It is the folder itself, or one that refers to the other files of it.
    """
    if COMPILED.encode() not in (folder / "saved_model.pb").read_bytes():
        yield folder
        return
    saved_model = _saved_model(folder)
    for meta_graph in saved_model.meta_graphs:
        functions = meta_graph.graph_def.library.function
        for function in functions:
            for node in (function, *function.node_def):
                node.attr.pop(COMPILED, None)
        for node in meta_graph.graph_def.node:
            node.attr.pop(COMPILED, None)
    with TemporaryDirectory(prefix="fanout-web-") as copy:
        for file in folder.iterdir():
            if file.name not in ("saved_model.pb", "fingerprint.pb"):
                Path(copy, file.name).symlink_to(file.resolve())
        Path(copy, "saved_model.pb").write_bytes(saved_model.SerializeToString())
        yield Path(copy)


def _in_single_precision(graph: Any, signature: Any) -> Any:
    """Returns the graph with float32 for all other floating point types.

    TensorFlow.js has no others: its kernels compute in float32 whatever the graph says, and its
    converter cannot write weights in bfloat16.
    """
    import tensorflow as tf

    single = {
        other.as_datatype_enum: kind.as_datatype_enum
        for other, kind in (
            (tf.float16, tf.float32),
            (tf.bfloat16, tf.float32),
            (tf.float64, tf.float32),
            (tf.complex128, tf.complex64),
        )
    }
    definition = graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    if not any(_types(attr) & single.keys() for node in nodes for attr in node.attr.values()):
        return graph
    for node in nodes:
        for attr in node.attr.values():
            _replace_types(attr, single)
    for function in definition.library.function:
        for attr in function.attr.values():
            _replace_types(attr, single)
        for argument in (*function.signature.input_arg, *function.signature.output_arg):
            argument.type = single.get(argument.type, argument.type)
    for tensor in (*signature.inputs.values(), *signature.outputs.values()):
        tensor.dtype = single.get(tensor.dtype, tensor.dtype)
    with tf.Graph().as_default() as converted:
        tf.import_graph_def(definition, name="")
    return converted


def _types(attr: Any) -> set[int]:
    return {attr.type, attr.tensor.dtype, *attr.list.type}


def _replace_types(attr: Any, replacements: dict[int, int]) -> None:
    import numpy as np
    import tensorflow as tf

    if attr.HasField("type"):
        attr.type = replacements.get(attr.type, attr.type)
    if attr.HasField("list"):
        attr.list.type[:] = [replacements.get(kind, kind) for kind in attr.list.type]
    if attr.HasField("tensor") and attr.tensor.dtype in replacements:
        kind = tf.as_dtype(replacements[attr.tensor.dtype])
        values = tf.make_ndarray(attr.tensor)
        if not kind.is_complex:
            # The largest number of double precision stays the largest one, not infinity.
            finite = np.clip(values.astype(np.float64), kind.min, kind.max)
            values = np.where(np.isfinite(values), finite, values.astype(np.float32))
        attr.tensor.CopyFrom(tf.make_tensor_proto(values.astype(kind.as_numpy_dtype)))


def _in_fixed_order(model: Any) -> None:
    """Sorts the attributes of each node: their order differs from process to process."""
    for graph in ("modelTopology", "modelInitializer"):
        for node in model.get(graph, {}).get("node", []):
            if "attr" in node:
                node["attr"] = dict(sorted(node["attr"].items()))


def _name_tensors(described: dict[str, Any], signature: Any) -> None:
    """Gives inputs and outputs the names that they have in the SavedModel's signature.

    The converter matches names by type and shape. It gives up where two have the same ones.
    """
    # Inputs are placeholders of their names, in which TensorFlow allows fewer characters.
    inputs = {f"{re.sub(REPLACED, '_', name)}:0": name for name in signature.inputs}
    described["inputs"] = {
        inputs.get(tensor["name"], name): tensor for name, tensor in described["inputs"].items()
    }
    # Outputs are Identity, Identity_1 and so on, in the order of their names.
    tensors = {tensor["name"]: tensor for tensor in described["outputs"].values()}
    ordered = [f"Identity_{index}:0" if index else "Identity:0" for index in range(len(tensors))]
    if tensors.keys() == set(ordered) and len(tensors) == len(signature.outputs):
        pairs = zip(sorted(signature.outputs), ordered, strict=True)
        described["outputs"] = {name: tensors[tensor] for name, tensor in pairs}


if __name__ == "__main__":
    main(*sys.argv[1:])
