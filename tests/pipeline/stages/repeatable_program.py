"""python -m tests.pipeline.stages.repeatable_program FOLDER: imports and transforms rows twice.

It prints, as JSON, the order of the records, the size of the batches in which Transform read them,
and what it learned from them each time.
"""

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam

from pipeline.stages import in_process
from pipeline.stages.local_tfx import tfx
from pipeline.stages.repeatable import ImportExampleGen, Transform

# Of the 32-bit keys, only 64 values are left, so many records share a key. With very many records,
# that happens to a few of them.
DROPPED_BITS = 26
batch_sizes: list[int | None] = []


class NotedContext(tft_beam.Context):  # type: ignore[misc]  # Transform has no types
    """Notes the size that TFX asks for; None leaves it to Beam."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        batch_sizes.append(options.get("desired_batch_size"))
        super().__init__(*arguments, **options)


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    values = inputs["value"]
    ones = tf.ones_like(values)
    return {"mean": ones * tft.mean(values), "variance": ones * tft.var(values)}


def outcome(data: Path) -> dict[str, Any]:
    """Runs a pipeline on the data in a new folder, and returns its results."""
    split = tfx.proto.SplitConfig.Split(name="train", hash_buckets=1)
    output = tfx.proto.Output(split_config=tfx.proto.SplitConfig(splits=[split]))
    examples = ImportExampleGen(str(data / "data"), output_config=output)
    schema = tfx.components.ImportSchemaGen(str(data / "schema.pbtxt"))
    transform = Transform(
        examples=examples.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="tests.pipeline.stages.repeatable_program.preprocessing_fn",
        splits_config=tfx.proto.SplitsConfig(analyze=["train"], transform=["train"]),
        materialize=False,
        disable_statistics=True,
    )
    batch_sizes.clear()
    root = Path(tempfile.mkdtemp(dir=data))
    metadata = tfx.orchestration.metadata.sqlite_metadata_connection_config(str(root / "mlmd"))
    in_process.run(
        tfx.dsl.Pipeline(
            pipeline_name="repeatable",
            pipeline_root=str(root),
            components=[examples, schema, transform],
            metadata_connection_config=metadata,
            beam_pipeline_args=["--direct_running_mode=in_memory"],
        )
    )
    (records,) = root.glob("ImportExampleGen/examples/*/Split-train/*.gz")
    order = [
        tf.train.Example.FromString(record).features.feature["value"].float_list.value[0]
        for record in tf.data.TFRecordDataset(str(records), "GZIP").as_numpy_iterator()
    ]
    (graph,) = root.glob("Transform/transform_graph/*")
    layer = tft.TFTransformOutput(str(graph)).transform_features_layer()
    learnt = layer({"value": tf.zeros((1, 1))})
    numbers = {name: float(value[0, 0]) for name, value in learnt.items()}
    return {"order": order, "batch_sizes": [*batch_sizes], **numbers}


if __name__ == "__main__":
    draw = random.randrange
    random.randrange = lambda *limits: draw(*limits) >> DROPPED_BITS  # type: ignore[assignment]
    tft_beam.Context = NotedContext
    print(json.dumps([outcome(Path(sys.argv[1])) for _ in range(2)]))
