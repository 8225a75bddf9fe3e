"""Converts a SavedModel to a TensorFlow.js graph model: to_graph_model.py SAVED_MODEL OUT_DIR.

Runs in the converter's own environment (.venv-web-converter), as TensorFlow.js' converter needs an
older TensorFlow than the pipeline's; it imports nothing else of this project.
"""

import sys


def main(saved_model: str, out_dir: str) -> None:
    # Not installed in the environment that the types are checked in.
    from tensorflowjs.converters import (  # type: ignore[import-not-found]
        tf_saved_model_conversion_v2,
    )

    tf_saved_model_conversion_v2.convert_tf_saved_model(
        saved_model,
        out_dir,
        signature_def="serving_default",
        # One shard: the weights of a model that is meant for a phone arrive in one response.
        weight_shard_size_bytes=64 * 2**20,
        control_flow_v2=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
