"""Converts a SavedModel to a TensorFlow.js graph model: to_graph_model.py SAVED_MODEL FOLDER

The graph model's weights are float32; web/conversion/weights.py makes their other forms.

This runs in the converter's own environment (.venv-web-converter), as TensorFlow.js' converter
needs an older TensorFlow than the pipeline. It imports nothing else from this project.
"""

import json
import sys
from pathlib import Path


def main(saved_model: str, out_dir: str) -> None:
    # Not installed in the environment in which types are checked.
    from tensorflowjs.converters import (  # type: ignore[import-not-found]
        convert_tf_saved_model,
    )

    convert_tf_saved_model(
        saved_model,
        out_dir,
        signature_def="serving_default",
        weight_shard_size_bytes=64 * 2**20,
        control_flow_v2=True,
    )
    _in_fixed_order(Path(out_dir, "model.json"))


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
