"""What ExampleValidator found, in words."""

from pathlib import Path


def read_anomalies(folder: Path) -> list[str]:
    """Returns one sentence for each anomaly, with its split and feature; empty when sound.

    Raises:
        FileNotFoundError: the folder holds no validation at all, which is not the same as none
            found.
    """
    from tensorflow_metadata.proto.v0 import anomalies_pb2

    splits = sorted(folder.glob("Split-*"))
    if not splits:
        raise FileNotFoundError(f"no validated split in {folder}")
    found = []
    for split in splits:
        anomalies = anomalies_pb2.Anomalies.FromString((split / "SchemaDiff.pb").read_bytes())
        name = split.name.removeprefix("Split-")
        if anomalies.dataset_anomaly_info.description:
            found.append(f"split {name}: {anomalies.dataset_anomaly_info.description}")
        found += [
            f"split {name}, feature {feature!r}: {info.description}"
            for feature, info in sorted(anomalies.anomaly_info.items())
        ]
    return found
