"""ExampleValidator's anomalies as sentences."""

from pathlib import Path


def read_anomalies(folder: Path) -> list[str]:
    """Returns one sentence per anomaly, with its split and feature; empty if there are none.

    Raises:
        FileNotFoundError: the folder holds no validation at all, which differs from a validation
            without anomalies.
    """
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    splits = sorted(folder.glob("Split-*"))
    if not splits:
        raise FileNotFoundError(f"no validated split in {folder}")
    sentences = []
    for split in splits:
        anomalies = anomalies_pb2.Anomalies.FromString((split / "SchemaDiff.pb").read_bytes())
        name = split.name.removeprefix("Split-")
        if anomalies.dataset_anomaly_info.description:
            sentences.append(f"split {name}: {anomalies.dataset_anomaly_info.description}")
        sentences += [
            f"split {name}, feature {feature!r}: {info.description}"
            for feature, info in sorted(anomalies.anomaly_info.items())
        ]
    return sentences
