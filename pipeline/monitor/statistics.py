"""Tables of monitored features, their statistics, and distances between them, by TFDV."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.arrays import Array
from models.spec import Monitoring

# A pandas DataFrame: one column per feature, one row per example; missing values are NaN.
Table = Any
# tensorflow_metadata's DatasetFeatureStatisticsList with one dataset.
Statistics = Any

JENSEN_SHANNON, L_INFINITY = "Jensen-Shannon", "L-infinity"


@dataclass(frozen=True)
class Distance:
    """The distance between a feature's two distributions.

    Attributes:
        feature: the feature's name.
        measure: ``Jensen-Shannon`` for numbers, ``L-infinity`` for words.
        value: from 0 (equal) to 1.
        limit: the largest value allowed.
        most: the word whose share changed most; empty for numbers.
    """

    feature: str
    measure: str
    value: float
    limit: float
    most: str = ""

    @property
    def within(self) -> bool:
        # This form makes NaN count as beyond the limit.
        return self.value <= self.limit


@dataclass(frozen=True)
class Comparison:
    """Two distributions of the same features.

    Attributes:
        reference, observed: the statistics.
        rows: the distances of all features that have values on both sides.
    """

    reference: Statistics
    observed: Statistics
    rows: tuple[Distance, ...]

    @classmethod
    def of(cls, reference: Statistics, observed: Statistics, limits: Monitoring) -> "Comparison":
        return cls(reference, observed, tuple(distances(reference, observed, limits)))

    @property
    def beyond(self) -> list[Distance]:
        return [row for row in self.rows if not row.within]

    @property
    def unseen(self) -> list[str]:
        """Returns the features of the reference that are missing in all observed examples."""
        seen = {name for name, _ in named(self.observed)}
        return [name for name, _ in named(self.reference) if name not in seen]

    def words(self, name: str) -> tuple[str, str]:
        """Returns a feature's two distributions in words."""
        first, second = (
            next((in_words(feature) for known, feature in named(side) if known == name), "none")
            for side in (self.reference, self.observed)
        )
        return first, second

    def sentence(self, row: Distance, before: str, after: str) -> str:
        """Returns a row as a sentence; ``before`` and ``after`` name the two sides."""
        was, now = self.words(row.feature)
        changed = f", largest change: {row.most!r}" if row.most else ""
        return (
            f"{row.feature}: {was} in {before}, {now} in {after} "
            f"({row.measure} distance {row.value:.2f}{changed}; at most {row.limit:g} is allowed)"
        )


def table_of(features: Mapping[str, Array]) -> Table:
    """Returns a table with one row per example."""
    import pandas as pd

    return pd.DataFrame(dict(features))


def append(tables: Iterable[Table]) -> Table:
    """Returns the rows of all tables; a column that a table lacks is missing in its rows."""
    import pandas as pd

    given = list(tables)
    return pd.concat(given, ignore_index=True) if given else pd.DataFrame()


def statistics_of(table: Table) -> Statistics:
    """Returns TFDV's statistics, computed in this process."""
    import tensorflow_data_validation as tfdv

    return tfdv.generate_statistics_from_dataframe(table, n_jobs=1)


def parse_statistics(payload: bytes) -> Statistics:
    """Returns saved statistics. Raises ValueError when the payload is not statistics."""
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0 import statistics_pb2

    try:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(payload)
    except DecodeError as error:
        raise ValueError(str(error)) from error


def distances(reference: Statistics, observed: Statistics, limits: Monitoring) -> list[Distance]:
    """Returns the distances of features with values on both sides, in the reference's order."""
    import tensorflow_data_validation as tfdv

    both = {name for name, _ in named(observed)} & {name for name, _ in named(reference)}
    if not both:
        return []
    reference, observed = _only(reference, both), _only(observed, both)
    schema = tfdv.infer_schema(reference)
    bounds: dict[str, float] = {}
    for feature in schema.feature:
        numeric = _is_numeric(dict(named(reference))[feature.name])
        usual = limits.numeric if numeric else limits.categorical
        bounds[feature.name] = limits.limits.get(feature.name, usual)
        comparator = feature.skew_comparator
        rule = comparator.jensen_shannon_divergence if numeric else comparator.infinity_norm
        rule.threshold = bounds[feature.name]
    anomalies = tfdv.validate_statistics(reference, schema, serving_statistics=observed)
    values = {
        info.path.step[0]: measured.value
        for info in anomalies.drift_skew_info
        for measured in info.skew_measurements
    }
    return [
        Distance(
            name,
            JENSEN_SHANNON if _is_numeric(feature) else L_INFINITY,
            float(values.get(name, float("nan"))),
            bounds[name],
            "" if _is_numeric(feature) else _most_changed(feature, dict(named(observed))[name]),
        )
        for name, feature in named(reference)
    ]


def named(statistics: Statistics) -> list[tuple[str, Any]]:
    """Returns the features that have at least one value, with their names."""
    return [
        (str(feature.path.step[0]), feature)
        for feature in statistics.datasets[0].features
        if _common(feature).num_non_missing
    ]


def shares(feature: Any) -> dict[str, float]:
    """Returns the share of each value of a text feature, the most frequent first."""
    buckets = feature.string_stats.rank_histogram.buckets
    total = sum(bucket.sample_count for bucket in buckets) or 1.0
    return {str(bucket.label): float(bucket.sample_count / total) for bucket in buckets}


def histogram(feature: Any) -> list[tuple[float, float, float]]:
    """Returns ``(low, high, share)`` of a numeric feature's equally wide buckets."""
    buckets = feature.num_stats.histograms[0].buckets
    total = sum(bucket.sample_count for bucket in buckets) or 1.0
    return [
        (float(b.low_value), float(b.high_value), float(b.sample_count / total)) for b in buckets
    ]


def in_words(feature: Any) -> str:
    """Returns a feature's distribution in a few words."""
    if _is_numeric(feature):
        stats = feature.num_stats
        return f"mean {stats.mean:.3g}, deviation {stats.std_dev:.2g}"
    top = list(shares(feature).items())[:2]
    return ", ".join(f"{word} {share:.0%}" for word, share in top)


def _most_changed(reference: Any, observed: Any) -> str:
    before, after = shares(reference), shares(observed)
    words = before.keys() | after.keys()
    return max(sorted(words), key=lambda word: abs(after.get(word, 0) - before.get(word, 0)))


def _only(statistics: Statistics, names: set[str]) -> Statistics:
    """Returns a copy with only these features: TFDV complains about those that one side lacks."""
    copy = type(statistics)()
    copy.CopyFrom(statistics)
    kept = [feature for name, feature in named(copy) if name in names]
    dataset = copy.datasets[0]
    features = [type(feature).FromString(feature.SerializeToString()) for feature in kept]
    del dataset.features[:]
    dataset.features.extend(features)
    return copy


def _is_numeric(feature: Any) -> bool:
    return bool(feature.HasField("num_stats"))


def _common(feature: Any) -> Any:
    kind = feature.num_stats if _is_numeric(feature) else feature.string_stats
    return kind.common_stats
