"""Converts a SavedModel to TensorFlow.js graph models: to_graph_model.py SAVED_MODEL WEIGHTS=DIR …

WEIGHTS is a form of the weights: float32, float16 or uint8. TensorFlow.js makes float32 of all of
them as it loads, so that they run the same kernels and differ in bytes and rounding alone.

Runs in the converter's own environment (.venv-web-converter), as TensorFlow.js' converter needs an
older TensorFlow than the pipeline's; it imports nothing else of this project.
"""

import json
import sys
from pathlib import Path


def main(saved_model: str, *outputs: str) -> None:
    # Not installed in the environment that the types are checked in.
    from tensorflowjs.converters import (  # type: ignore[import-not-found]
        tf_saved_model_conversion_v2,
    )

    for output in outputs:
        weights, _, out_dir = output.partition("=")
        tf_saved_model_conversion_v2.convert_tf_saved_model(
            saved_model,
            out_dir,
            signature_def="serving_default",
            quantization_dtype_map=None if weights == "float32" else {weights: "*"},
            # One shard: the weights of a model that is meant for a phone arrive in one response.
            weight_shard_size_bytes=64 * 2**20,
            control_flow_v2=True,
        )
        _in_fixed_order(Path(out_dir, "model.json"))


def _in_fixed_order(file: Path) -> None:
    """Sorts the attributes of nodes, whose order differs from process to process."""
    model = json.loads(file.read_text())
    for graph in ("modelTopology", "modelInitializer"):
        for node in model.get(graph, {}).get("node", []):
            if "attr" in node:
                node["attr"] = dict(sorted(node["attr"].items()))
    file.write_text(json.dumps(model))


if __name__ == "__main__":
    main(*sys.argv[1:])
