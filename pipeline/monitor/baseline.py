"""Statistics of the training data and the model's answers, which are part of a release."""

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

# More examples give the same distributions, and a large split would take long to decode.
EXAMPLES = 20_000
FOLDER, FILE = "monitoring", "FeatureStats.pb"


def write_baseline(folder: Path, spec: ModelSpec, pattern: str, golden: Golden) -> Path:
    """Writes the statistics that requests will be compared with, and returns the file.

    The inputs' statistics come from the training split. The answers' statistics come from the
    held-out golden set, because a model is more confident on its training examples than on others.

    Args:
        pattern: a glob of the training split's TFRecord files.
        golden: the SavedModel's answers to the test split.
    """
    inputs = training_table(spec, pattern)
    answers = table_of(describe_answers(golden.heads, golden.outputs))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    file.write_bytes(statistics_of(append([inputs, answers])).SerializeToString(deterministic=True))
    return file


def read_statistics(folder: Path) -> Statistics:
    """Returns the statistics that ``write_baseline`` wrote into a folder.

    Raises:
        UserError: there is no such file, or it is damaged.
    """
    file = folder / FILE
    try:
        statistics = parse_statistics(file.read_bytes())
    except FileNotFoundError as error:
        raise UserError(
            f"{file} does not exist: the release was made before monitoring existed; "
            "to make a release that has it, run: fanout run"
        ) from error
    except ValueError as error:
        raise UserError(f"{file} is damaged: {error}") from error
    if not statistics.datasets:
        raise UserError(f"{file} is damaged: it describes no data")
    return statistics


def training_table(spec: ModelSpec, pattern: str, *, limit: int = EXAMPLES) -> Table:
    """Returns the monitored features of a split's first examples.

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
    tables = []
    for inputs, encoded in batches.as_numpy_iterator():
        files = encoded[""].tolist() if encoded else None
        tables.append(table_of(describe(spec, _named(spec, inputs), files)))
    return append(tables)


def _named(spec: ModelSpec, inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {tensor.name: inputs[tensor.name] for tensor in spec.inputs}
