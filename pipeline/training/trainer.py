"""The code that TFX's Trainer runs: it fits the model's network to the training split and exports.

The training method is configurable (``pipeline/training/methods.py``). The parts that differ from
model to model (network, optimizer, augmentation) come from the model's ``network`` module.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.arrays import Array
from core.errors import DataError, UserError
from core.files import keep_only
from core.fingerprint import of_values
from models.examples import count as count_records
from models.examples import read
from models.spec import ModelSpec, load
from pipeline.training.epoch_lines import EpochLines
from pipeline.training.export import export
from pipeline.training.journal import Figures, Journal

if TYPE_CHECKING:
    import tensorflow as tf
    from tfx.v1.components import FnArgs

# Decoded training data that is smaller than this is kept in memory between epochs.
CACHE_LIMIT_BYTES = 2 << 30
EVAL_BATCH = 1000
CHECKPOINTS = "checkpoints"


def run_fn(fn_args: "FnArgs") -> None:
    """Trains and exports the model. TFX's Trainer calls it.

    ``custom_config`` holds ``model`` (the spec's name), ``hyperparameters`` and ``fingerprint``.
    An interrupted training continues from its checkpoint.

    Raises:
        DataError: a split is empty, or the checkpoint cannot be read.
    """
    spec = load(fn_args.custom_config["model"])
    hyperparameters = fn_args.custom_config["hyperparameters"]
    train, evaluation = fn_args.train_files[0], fn_args.eval_files[0]
    logs = Path(fn_args.model_run_dir)
    # Beside the folders of the Trainer's outputs, as every execution gets new ones.
    checkpoints = logs.parents[1] / CHECKPOINTS
    key = of_values(
        fn_args.custom_config["fingerprint"], train, evaluation, fn_args.transform_output
    )
    # The others are checkpoints of abandoned trainings.
    keep_only(checkpoints, key)
    trained = fit(
        spec,
        hyperparameters,
        train=train,
        evaluation=evaluation,
        statistics=statistics(spec, fn_args.transform_output, train),
        journal=Journal(
            logs,
            int(hyperparameters["epochs"]),
            patience=patience(hyperparameters),
            checkpoints=checkpoints / key,
            progress=EpochLines(int(hyperparameters["epochs"])),
        ),
    )
    export(trained.model, spec, Path(fn_args.serving_model_dir))
    shutil.rmtree(checkpoints, ignore_errors=True)


@dataclass(frozen=True)
class Trained:
    """A network, and the figures of the epoch whose weights it has; empty if it was not trained."""

    model: Any
    figures: Figures


def fit(
    spec: ModelSpec,
    hyperparameters: Mapping[str, Any],
    *,
    train: str,
    evaluation: str,
    statistics: dict[str, Array],
    journal: Journal,
) -> Trained:
    """Returns the trained model; if ``epochs`` is 0, unchanged as the network module built it.

    Args:
        hyperparameters: the profile's. This function uses ``batch_size``, ``seed`` and, if given,
            ``training`` and ``execution`` (methods.py); the network module uses the rest.
        train, evaluation: globs of the splits' TFRecord files.
        statistics: what Transform learnt from the training split.
        journal: sets the number of epochs and keeps the record.
    """
    import keras

    from pipeline.training.methods import Method

    network = spec.module("network")
    if not journal.epochs:
        return Trained(network.build(statistics, hyperparameters), {})
    keras.utils.set_random_seed(int(hyperparameters["seed"]))
    count = _require_examples(train, "training")
    batch_size = int(hyperparameters["batch_size"])
    method = Method.of(hyperparameters)
    model = network.build(statistics, hyperparameters)
    network.compile(model, hyperparameters, steps_per_epoch=-(-count // batch_size))
    batches = training_batches(spec, train, hyperparameters, count)
    return Trained(model, method.train(model, batches, _watched(spec, evaluation), journal))


def patience(hyperparameters: Mapping[str, Any]) -> int | None:
    """Returns the number of epochs without progress after which training ends; None if not given.

    Raises:
        UserError: the number is invalid.
    """
    given = hyperparameters.get("patience")
    if given is not None and (not isinstance(given, int) or given < 1):
        raise UserError(f"patience must be a whole number of epochs, at least 1, got {given!r}")
    return given


def _require_examples(pattern: str, split: str) -> int:
    """Returns the number of examples. Without any, training would end without an error."""
    count = count_records(pattern)
    if not count:
        raise DataError(f"the {split} split is empty: {pattern} holds no example")
    return count


def _watched(spec: ModelSpec, pattern: str) -> "tf.data.Dataset":
    import tensorflow as tf

    batches = -(-_require_examples(pattern, "evaluation") // EVAL_BATCH)
    # Keras warns that data ran out when it does not know the length.
    known = tf.data.experimental.assert_cardinality(batches)
    return read(spec, pattern, batch_size=EVAL_BATCH).apply(known).cache()


def training_batches(
    spec: ModelSpec, pattern: str, hyperparameters: Mapping[str, Any], count: int
) -> "tf.data.Dataset":
    """Returns shuffled, augmented batches; the same seed gives the same batches."""
    import tensorflow as tf

    seed = int(hyperparameters["seed"])
    augment = augmentation(spec.module("network"))
    examples = read(spec, pattern).unbatch()
    if _bytes_of(examples.element_spec) * count < CACHE_LIMIT_BYTES:
        examples = examples.cache()
    batches = examples.shuffle(min(count, 100_000), seed=seed).batch(
        int(hyperparameters["batch_size"])
    )
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)

    def augmented(batch: Any, pair: Any) -> Any:
        inputs, truths = batch
        return augment(inputs, truths, tf.cast(pair % (2**31), tf.int32))

    pairs = tf.data.Dataset.zip((batches, seeds))
    steps = -(-count // int(hyperparameters["batch_size"]))
    # zip with an endless dataset hides the length; without it Keras warns that data ran out.
    return (
        pairs.map(augmented, num_parallel_calls=tf.data.AUTOTUNE)
        .apply(tf.data.experimental.assert_cardinality(steps))
        .prefetch(4)
    )


def augmentation(network: Any) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    """Returns the network module's augmentation of inputs and true answers.

    It is ``augment_both`` where the true answers change with the inputs, as masks do with their
    pictures, otherwise ``augment``.
    """
    if hasattr(network, "augment_both"):
        both: Callable[[Any, Any, Any], tuple[Any, Any]] = network.augment_both
        return both
    return lambda inputs, truths, seed: (network.augment(inputs, seed), truths)


def statistics(spec: ModelSpec, transform_output: str, pattern: str) -> dict[str, Array]:
    """Returns what Transform's full pass over the training split learnt, by name.

    The transform graph gives each statistic as a column with the same value in every row, so one
    row is enough. A vocabulary is a file of that graph; its words become a sorted array of bytes.
    """
    import tensorflow as tf
    import tensorflow_transform as tft

    features = spec.module("features")
    files = sorted(tf.io.gfile.glob(pattern))
    if not files:
        raise DataError(f"the training split is empty: no file matches {pattern}")
    learnt = tft.TFTransformOutput(transform_output)
    record = tf.data.TFRecordDataset(files[:1], compression_type="GZIP").batch(1).take(1)
    raw = [tf.io.parse_example(serialized, learnt.raw_feature_spec()) for serialized in record]
    if not raw:
        raise DataError(f"the training split is empty: {files[0]} holds no example")
    transformed = learnt.transform_raw_features(raw[0])
    numbers = {name: np.asarray(transformed[name][0]) for name in features.STATISTICS}
    words = {name: np.array(sorted(learnt.vocabulary_by_name(name))) for name in _words(features)}
    return {**numbers, **words}


def _words(features: Any) -> tuple[str, ...]:
    # Only models with texts have vocabularies.
    return tuple(getattr(features, "VOCABULARIES", ()))


def _bytes_of(element_spec: Any) -> int:
    import tensorflow as tf

    leaves = tf.nest.flatten(element_spec)
    return sum(leaf.dtype.size * int(np.prod(leaf.shape.as_list() or [1])) for leaf in leaves)
