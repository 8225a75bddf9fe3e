"""The training data and the model's answers as statistics, which a release carries with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.agreement.golden import Golden
from core.arrays import Array
from core.errors import UserError
from models.spec import ModelSpec
from pipeline.monitor.features import describe, describe_answers
from pipeline.monitor.statistics import (
    Statistics,
    Table,
    append,
    parse_statistics,
    statistics_of,
    table_of,
)

if TYPE_CHECKING:
    import tensorflow as tf

# The distributions of more examples look the same, and a large split would be decoded again.
EXAMPLES = 20_000
FOLDER, FILE = "monitoring", "FeatureStats.pb"


def write_baseline(folder: Path, spec: ModelSpec, pattern: str, golden: Golden) -> Path:
    """Writes the statistics that requests will be compared with, and returns the file.

    The inputs' are of the training split. The answers' are of the held-out golden set: on the
    examples that it was trained on a model is surer than it will ever be again.

    Args:
        pattern: glob of the training split's TFRecord files.
        golden: the SavedModel's answers to the test split.
    """
    inputs = training_table(spec, pattern)
    answers = table_of(describe_answers(spec, golden.outputs))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_bytes(statistics_of(append([inputs, answers])).SerializeToString(deterministic=True))
    return file


def read_statistics(folder: Path) -> Statistics:
    """Returns what ``write_baseline`` wrote into a folder.

    Raises:
        UserError: nothing is there, or the file is damaged.
    """
    file = folder / FILE
    try:
        found = parse_statistics(file.read_bytes())
    except FileNotFoundError as error:
        raise UserError(
            f"there is no {file}: the release was made before monitoring was there; "
            "`fanout run` makes one that has it"
        ) from error
    except ValueError as error:
        raise UserError(f"{file} is damaged: {error}") from error
    if not found.datasets:
        raise UserError(f"{file} is damaged: it describes no data")
    return found


def training_table(spec: ModelSpec, pattern: str, *, limit: int = EXAMPLES) -> Table:
    """Returns the watched features of a split's first examples.

    Raises:
        FileNotFoundError: nothing matches the pattern.
    """
    from models.examples import records

    features = spec.module("features")

    def parse(serialized: "tf.Tensor") -> tuple[Any, Any]:
        import tensorflow as tf

        parsed = tf.io.parse_example(serialized, features.FEATURES)
        encoded = {"": parsed[spec.encoded_input]} if spec.encoded_input else {}
        return features.raw_inputs(parsed), encoded

    batches = records(pattern).take(limit).batch(1000).map(parse, num_parallel_calls=2)
    found = []
    for inputs, encoded in batches.as_numpy_iterator():
        files = encoded[""].tolist() if encoded else None
        found.append(table_of(describe(spec, _named(spec, inputs), files)))
    return append(found)


def _named(spec: ModelSpec, inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {tensor.name: inputs[tensor.name] for tensor in spec.inputs}
