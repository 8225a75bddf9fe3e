"""Measures how much the penguins model's accuracy depends on the penguins in the test split.

    .venv/bin/python -m benchmarks.penguins

The unchanged network is trained on fresh splits and evaluated on the test part of each. The splits
are drawn as in ``models/penguins/data.py``, but with other seeds: nothing was chosen by looking at
them.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarks.learnt import learnt
from models.examples import read, write
from models.penguins import data
from models.penguins.columns import COLUMNS
from models.spec import SPLITS, load
from pipeline.settings.config import Config
from pipeline.training.journal import Journal
from pipeline.training.trainer import fit

SPEC = load("penguins")
SEEDS = (1, 2, 3, 4, 5)


def judged(cache: Path, seed: int, scratch: Path) -> tuple[int, int]:
    """Returns how many test penguins of a split get the right class, and how many there are."""
    data.SPLIT_SEED = seed
    files = {split: scratch / split / f"{split}.tfrecord" for split in SPLITS}
    for split, file in files.items():
        write(data.examples(cache, split, None), file)
    hyperparameters = SPEC.profile("default").hyperparameters
    trained = fit(
        SPEC,
        hyperparameters,
        train=str(files["train"]),
        evaluation=str(files["eval"]),
        statistics=learnt(COLUMNS, list(data.examples(cache, "train", None))),
        journal=Journal(scratch / "logs", int(hyperparameters["epochs"])),
    )
    right = total = 0
    for inputs, labels in read(SPEC, str(files["test"]), batch_size=500):
        answers = trained.model.predict_on_batch(inputs).argmax(axis=1)
        right += int((answers == labels.numpy()).sum())
        total += len(answers)
    return right, total


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Accuracy of the penguins model on fresh splits.")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    options = parser.parse_args()
    cache = Config.from_environment("penguins", "default").dataset
    data.fetch(cache)
    shares = []
    print("| split seed | correct | total | accuracy |")
    print("|--:|--:|--:|--:|")
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as scratch:
            right, total = judged(cache, seed, Path(scratch))
        shares.append(right / total)
        print(f"| {seed} | {right} | {total} | {right / total:.4f} |")
    print(f"\nmean {statistics.mean(shares):.4f}, minimum {min(shares):.4f}")


if __name__ == "__main__":
    main()
