"""TFX's components that make something else of the same data each time, so that they do not.

What differs is small, an order of two records or the last bit of a mean, but the weights of every
training after it are others.
"""

from typing import Any
from unittest import mock

import apache_beam as beam
from tfx import v1 as tfx
from tfx.components.example_gen.import_example_gen import executor as importing
from tfx.components.transform import executor as transforming
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

# Of 224 × 224 pictures in colour it is 150 MB as float32; a table does not notice.
BATCH_SIZE = 256


class _SameOrder(importing.Executor):  # type: ignore[misc]  # TFX has no types
    """Keeps the records in their order.

    TFX writes them after Beam's Reshuffle, which draws a key for each and groups by it: the order
    stays, but for records that drew the same key. Of 55,000 with keys of 32 bits, some do in a run
    of three; with keys of 62 bits none.
    """

    def Do(self, *arguments: Any) -> None:  # noqa: N802 - TFX's name
        with mock.patch.object(beam.Reshuffle, "_DEFAULT_NUM_BUCKETS", 1 << 62):
            super().Do(*arguments)


class _SameBatches(transforming.Executor):  # type: ignore[misc]
    """Analyzes in batches of one size, as a mean is computed of batches in float32.

    Left alone, Beam tunes their size by how long each took.
    """

    def Do(self, *arguments: Any) -> None:  # noqa: N802
        processor = transforming.TransformProcessor
        with mock.patch.object(processor, "_GetDesiredBatchSize", lambda *_: BATCH_SIZE):
            super().Do(*arguments)


class ImportExampleGen(tfx.components.ImportExampleGen):  # type: ignore[misc]
    """``tfx.components.ImportExampleGen`` that keeps one order."""

    EXECUTOR_SPEC = BeamExecutorSpec(_SameOrder)


class Transform(tfx.components.Transform):  # type: ignore[misc]
    """``tfx.components.Transform`` that learns the same numbers."""

    EXECUTOR_SPEC = BeamExecutorSpec(_SameBatches)
