"""Tables made up for tests, and models' folders that `fanout new` writes from them."""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.learnt import learnt
from models import examples, places
from models.spec import SPLITS, ModelSpec
from pipeline.new import from_table
from pipeline.training.journal import Journal
from pipeline.training.trainer import Trained, fit

ROWS = 240


def homes(file: Path) -> Path:
    """Writes a table in which size, town and rooms decide price, whether it is sold, and kind."""
    random = np.random.default_rng(3)
    lines = ["size,rooms,town,price (€),sold,kind"]
    for _ in range(ROWS):
        size, rooms, town = random.uniform(20, 200), random.integers(1, 6), random.integers(0, 3)
        price = 150 + 2 * size + 40 * town + random.normal(0, 5)
        kind = "flat" if rooms < 3 else "house" if town else "farm"
        lines.append(
            f"{size:.1f},{rooms},{'ABC'[town]},{price:.1f},{['no', 'yes'][size > 90]},{kind}"
        )
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def written(name: str, table: Path, labels: Sequence[str], folder: Path) -> ModelSpec:
    """Returns the spec of a new model's folder; ``models.__path__`` must be restored after it."""
    folder.mkdir(exist_ok=True)
    places.use(folder)
    from_table.create(name, table, labels, models=folder)
    importlib.invalidate_caches()
    spec: ModelSpec = importlib.import_module(f"models.{name}.spec").SPEC
    return spec


def write_splits(spec: ModelSpec, folder: Path) -> dict[str, str]:
    """Writes all examples, and returns each split's glob."""
    for split in SPLITS:
        rows = spec.module("data").examples(folder, split, None)
        examples.write(rows, folder / split / f"{split}.tfrecord")
    return {split: str(folder / split / "*") for split in SPLITS}


def trained(
    spec: ModelSpec, splits: Mapping[str, str], logs: Path, **hyperparameters: Any
) -> Trained:
    """Returns the network of a table's model, trained with its profile's hyperparameters."""
    chosen = {**spec.profile("quick").hyperparameters, **hyperparameters}
    columns = spec.module("columns").COLUMNS
    rows = list(spec.module("data").examples(logs, "train", None))
    return fit(
        spec,
        chosen,
        train=splits["train"],
        evaluation=splits["eval"],
        statistics=learnt(columns, rows),
        journal=Journal(logs, int(chosen["epochs"])),
    )
