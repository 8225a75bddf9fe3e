"""StatisticsGen's statistics, ExampleValidator's anomalies and the curated schema, as rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.spec import SPLITS
from pipeline.stages.data_gate import read_anomalies


@dataclass(frozen=True)
class Feature:
    """A feature in one split.

    Attributes:
        name: the feature's name.
        kind: the type of its values, such as ``INT``.
        present: the number of examples that have it.
        spread: the range of its values in words; empty if it has none.
    """

    name: str
    kind: str
    present: int
    spread: str


@dataclass(frozen=True)
class Split:
    """A split of the data: its name, its number of examples, and their features."""

    name: str
    examples: int
    features: tuple[Feature, ...]


@dataclass(frozen=True)
class Expected:
    """The curated schema's rules for a feature, each in words."""

    name: str
    kind: str
    presence: str
    domain: str


def splits(folder: Path) -> tuple[Split, ...]:
    """Returns the splits that StatisticsGen described, in the pipeline's order."""
    from tensorflow_metadata.proto.v0 import statistics_pb2

    described_splits = []
    for name in SPLITS:
        file = folder / f"Split-{name}" / "FeatureStats.pb"
        if not file.is_file():
            continue
        described = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read_bytes())
        for dataset in described.datasets[:1]:
            features = []
            for feature in dataset.features:
                numeric = feature.HasField("num_stats")
                common = feature.num_stats.common_stats if numeric else (
                    feature.bytes_stats.common_stats
                    if feature.HasField("bytes_stats")
                    else feature.string_stats.common_stats
                )  # fmt: skip
                features.append(
                    Feature(
                        name=feature.path.step[0] if feature.path.step else feature.name,
                        kind=statistics_pb2.FeatureNameStatistics.Type.Name(feature.type),
                        present=int(common.num_non_missing),
                        spread=_numbers(feature.num_stats) if numeric else _sizes(feature),
                    )
                )
            described_splits.append(Split(name, int(dataset.num_examples), tuple(features)))
    return tuple(described_splits)


def anomalies(folder: Path) -> list[str] | None:
    """Returns ExampleValidator's anomalies, one sentence each; None if they are gone."""
    try:
        return read_anomalies(folder)
    except OSError:
        return None


def schema(file: Path) -> list[Expected]:
    """Returns the curated schema's rules; empty if there is no schema."""
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    if not file.is_file():
        return []
    parsed = text_format.Parse(file.read_text(), schema_pb2.Schema())
    rows = []
    for feature in parsed.feature:
        domain = ""
        if feature.HasField("int_domain"):
            domain = f"{feature.int_domain.min} to {feature.int_domain.max}"
        elif feature.HasField("float_domain"):
            domain = _range(feature.float_domain)
        elif feature.HasField("string_domain"):
            domain = ", ".join(feature.string_domain.value)
        rows.append(
            Expected(
                feature.name,
                schema_pb2.FeatureType.Name(feature.type),
                f"in {feature.presence.min_fraction:.0%} of the examples",
                domain or "any",
            )
        )
    return rows


def _range(domain: Any) -> str:
    """Returns a float_domain in words; TFDV's ranges say nothing of NaN."""
    ranged = domain.HasField("min") or domain.HasField("max")
    words = [f"{domain.min:g} to {domain.max:g}"] if ranged else []
    words += ["not NaN"] if domain.disallow_nan else []
    words += ["not infinite"] if domain.disallow_inf and not ranged else []
    return ", ".join(words)


def _numbers(stats: object) -> str:
    return f"{stats.min:g} to {stats.max:g}, mean {stats.mean:.4g}"  # type: ignore[attr-defined]


def _sizes(feature: object) -> str:
    stats = feature.bytes_stats  # type: ignore[attr-defined]
    if not stats.max_num_bytes:
        return ""
    return f"{stats.min_num_bytes:.0f} to {stats.max_num_bytes:.0f} bytes"
