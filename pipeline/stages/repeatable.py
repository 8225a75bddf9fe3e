"""Repeatable versions of TFX components whose output differs between runs on the same data.

The difference is small, the order of two records or the last bit of a mean, but every training
after it ends with other weights.
"""

from typing import Any
from unittest import mock

import apache_beam as beam
from tfx.components.example_gen.import_example_gen import executor as importing
from tfx.components.transform import executor as transforming
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec

from pipeline.stages.local_tfx import tfx

# For 224 × 224 colour pictures a batch takes 150 MB as float32; for a table it is negligible.
BATCH_SIZE = 256


class _SameOrder(importing.Executor):  # type: ignore[misc]  # TFX has no types
    """Keeps the records in their order.

    TFX writes them after Beam's Reshuffle, which draws a key for each record and groups by key. The
    order stays, except for records with the same key. With 32-bit keys and 55,000 records, some
    keys coincide in one run of three; with 62-bit keys, none do.
    """

    def Do(self, *arguments: Any) -> None:  # noqa: N802 - TFX's name
        with mock.patch.object(beam.Reshuffle, "_DEFAULT_NUM_BUCKETS", 1 << 62):
            super().Do(*arguments)


class _SameBatches(transforming.Executor):  # type: ignore[misc]
    """Analyzes in batches of a fixed size, as means are computed over batches in float32.

    By default Beam tunes the size by the time that each batch takes.
    """

    def Do(self, *arguments: Any) -> None:  # noqa: N802
        processor = transforming.TransformProcessor
        with mock.patch.object(processor, "_GetDesiredBatchSize", lambda *_: BATCH_SIZE):
            super().Do(*arguments)


class ImportExampleGen(tfx.components.ImportExampleGen):  # type: ignore[misc]
    """``tfx.components.ImportExampleGen`` with a fixed order of records."""

    EXECUTOR_SPEC = BeamExecutorSpec(_SameOrder)


class Transform(tfx.components.Transform):  # type: ignore[misc]
    """``tfx.components.Transform`` that always learns the same numbers."""

    EXECUTOR_SPEC = BeamExecutorSpec(_SameBatches)
