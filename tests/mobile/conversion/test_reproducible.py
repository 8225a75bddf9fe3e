"""The same SavedModel makes the same files."""

from pathlib import Path
from typing import Any

from mobile import target
from mobile.conversion import isolated
from pipeline.release import integrity


def test_converted_again_every_variant_is_the_same(
    sample: Any, converted: Any, tmp_path: Path
) -> None:
    isolated._kept.cache_clear()
    limits = dict.fromkeys(converted.variants, sample.spec.limits["mobile"]["float32"])
    again = target.convert(
        sample.saved_model, tmp_path, spec=sample.with_limits(limits), config=sample.config
    )
    first, second = (integrity.entries(made.folder) for made in (converted, again))
    assert len(first) >= 4
    assert first == second
