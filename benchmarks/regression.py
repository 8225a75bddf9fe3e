"""Compares the network of a new table with scikit-learn's gradient boosting on the same rows.

    .venv/bin/python -m benchmarks.regression [--csv FILE --label COLUMN]

Without a file, it is scikit-learn's own table of diabetes patients. `fanout new` writes the model's
folder, unchanged. scikit-learn learns from the training and the eval split, the network from the
training split; both are judged on the test split.
"""

import argparse
import csv
import importlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor

from benchmarks.learnt import learnt
from core.arrays import Array
from models import places
from models.examples import write
from models.spec import SPLITS, ModelSpec
from pipeline.new import from_table
from pipeline.training.held_out import held_out_score
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit, patience

PEERS = (GradientBoostingRegressor, HistGradientBoostingRegressor)
SEED = 7
Rows = Sequence[Mapping[str, Any]]


def diabetes(folder: Path) -> Path:
    """Writes the table of 442 patients and returns its file."""
    patients = load_diabetes(scaled=False)
    file = folder / "diabetes.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*patients.feature_names, "progression"])
        writer.writerows(np.column_stack([patients.data, patients.target]).tolist())
    return file


def network_score(spec: ModelSpec, splits: Mapping[str, Rows], folder: Path) -> float:
    """Returns the R² of the model's network on the test split, trained as a run trains it."""
    for split, rows in splits.items():
        write(rows, folder / split / f"{split}.tfrecord")
    hyperparameters = spec.profile("default").hyperparameters
    epochs, stop = int(hyperparameters["epochs"]), patience(hyperparameters)
    result = fit(
        spec,
        hyperparameters,
        train=str(folder / "train" / "*"),
        evaluation=str(folder / "eval" / "*"),
        statistics=learnt(spec.module("columns").COLUMNS, splits["train"]),
        journal=Journal(folder / "logs", epochs, patience=stop),
    )
    return held_out_score(result.model, spec, str(folder / "test" / "*"), result.figures)


def peer_score(peer: Any, names: Iterable[str], splits: Mapping[str, Rows]) -> float:
    """Returns the R² of one of scikit-learn's regressors on the test split.

    Args:
        names: the columns of numbers; a missing one is NaN, or -1 for a regressor without NaN.
    """

    def table(rows: Rows) -> tuple[Array, Array]:
        absent = np.nan if peer is HistGradientBoostingRegressor else -1.0
        numbers = [[absent if row[n] is None else row[n] for n in names] for row in rows]
        return np.array(numbers), np.array([row["label"] for row in rows])

    fitted = peer(random_state=SEED).fit(*table([*splits["train"], *splits["eval"]]))
    return float(fitted.score(*table(splits["test"])))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--label", default="progression")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        models = folder / "models"
        models.mkdir()
        places.use(models)
        file = options.csv or diabetes(folder)
        _, told = from_table.create("compared", file, [options.label], ["regression"], models)
        print(told.splitlines()[0], end="\n\n")
        spec: ModelSpec = importlib.import_module("models.compared.spec").SPEC
        data, columns = spec.module("data"), spec.module("columns").COLUMNS
        splits = {split: list(data.examples(folder, split, None)) for split in SPLITS}
        print("| | R² on the test split |\n|---|--:|")
        for peer in PEERS:
            print(f"| {peer.__name__} | {peer_score(peer, columns.numbers, splits):.4f} |")
        print(f"| the network of `fanout new` | {network_score(spec, splits, folder):.4f} |")


if __name__ == "__main__":
    main()
