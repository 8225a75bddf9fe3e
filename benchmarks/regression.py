"""Compares a table's network with scikit-learn's gradient boosting on the same rows.

    .venv/bin/python -m benchmarks.regression [--model diamonds | --csv FILE --label COLUMN]

Without an argument, it is scikit-learn's own table of diabetes patients. For a table, `fanout new`
writes the model's folder, which is used unchanged. scikit-learn learns from the training and the
eval split, the network from the training split; both are judged on the test split.
"""

import argparse
import csv
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor

from benchmarks.learnt import learnt
from core.arrays import Array
from models import places
from models.columns import Columns
from models.examples import write
from models.spec import SPLITS, ModelSpec
from pipeline.new import from_table
from pipeline.settings.config import Config
from pipeline.training.held_out import held_out_score
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit, patience

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


def peer_scores(columns: Columns, splits: Mapping[str, Rows]) -> Iterator[tuple[str, float]]:
    """Yields the names of scikit-learn's regressors, and their R² on the test split.

    Those that know neither texts nor missing values are left out where there are any.
    """
    [target] = columns.targets
    seen = [*splits["train"], *splits["eval"]]
    words = {name: sorted({row[name] for row in seen if row[name]}) for name in columns.texts}

    def table(rows: Rows) -> tuple[Array, Array]:
        numbers = [[_number(row[name]) for name in columns.numbers] for row in rows]
        codes = [
            [_number(known.index(row[name]) if row[name] in known else None)
             for name, known in words.items()]
            for row in rows
        ]  # fmt: skip
        inputs = np.hstack([np.array(numbers), np.array(codes)])
        return inputs, np.array([row[target.feature] for row in rows])

    places = [*range(len(columns.numbers), len(columns.numbers) + len(words))]
    peers: list[Any] = [
        HistGradientBoostingRegressor(random_state=SEED, categorical_features=places)
    ]
    if not words and not np.isnan(table(seen)[0]).any():
        peers.append(GradientBoostingRegressor(random_state=SEED))
    for peer in peers:
        fitted = peer.fit(*table(seen))
        yield type(peer).__name__, float(fitted.score(*table(splits["test"])))


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _new_model(file: Path, label: str, folder: Path) -> str:
    """Has `fanout new` write a model's folder, and returns its name."""
    models = folder / "models"
    models.mkdir()
    places.use(models)
    _, told = from_table.create("compared", file, [label], ["regression"], models)
    print(told.splitlines()[0], end="\n\n")
    return "compared"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="R² of a network and of scikit-learn's.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--model")
    source.add_argument("--csv", type=Path)
    parser.add_argument("--label", default="progression")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        name = options.model or _new_model(options.csv or diabetes(folder), options.label, folder)
        config = Config.from_environment(name, "default")
        data, columns = config.spec.module("data"), config.spec.module("columns").COLUMNS
        data.fetch(config.dataset)
        splits = {split: list(data.examples(config.dataset, split, None)) for split in SPLITS}
        print("| | R² on the test split |\n|---|--:|")
        for peer, score in peer_scores(columns, splits):
            print(f"| {peer} | {score:.4f} |")
        print(f"| the network | {network_score(config.spec, splits, folder):.4f} |")


if __name__ == "__main__":
    main()
