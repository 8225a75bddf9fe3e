"""Converts a SavedModel to a TensorFlow.js graph model: to_graph_model.py SAVED_MODEL FOLDER

The graph model's weights are float32; web/conversion/weights.py makes their other forms.

This runs in the converter's own environment (.venv-web-converter), as TensorFlow.js' converter
needs an older TensorFlow than the pipeline. It imports nothing else from this project.
"""

import gc
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

# Packages of the converter that import every format it reads. Only one of its modules is needed.
PACKAGES = ("tensorflowjs", "tensorflowjs.converters")
# What that module imports for decision forests and for models of TensorFlow Hub.
UNUSED = ("tensorflow_decision_forests", "tensorflow_hub")


def main(saved_model: str, out_dir: str) -> None:
    _converter().convert_tf_saved_model(
        saved_model,
        out_dir,
        signature_def="serving_default",
        weight_shard_size_bytes=64 * 2**20,
        control_flow_v2=True,
    )
    _in_fixed_order(Path(out_dir, "model.json"))


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


def _in_fixed_order(file: Path) -> None:
    """Sorts the attributes of each node: their order differs from process to process."""
    model = json.loads(file.read_text())
    for graph in ("modelTopology", "modelInitializer"):
        for node in model.get(graph, {}).get("node", []):
            if "attr" in node:
                node["attr"] = dict(sorted(node["attr"].items()))
    file.write_text(json.dumps(model))


if __name__ == "__main__":
    main(*sys.argv[1:])
