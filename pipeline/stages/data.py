"""From a model's data to TFRecords, one folder a split: the pipeline's input."""

import json
import os
import shutil
from pathlib import Path

from core.console import CONSOLE
from core.errors import DataError
from core.files import place_folder, remove_folder, sha256, write_text
from models.examples import write
from models.spec import SPLITS
from pipeline.settings.config import Config
from pipeline.stages.fingerprints import Fingerprints

_MADE_FROM = "made-from.json"
_EPOCH_2000 = 946_684_800


def prepare(config: Config) -> None:
    """Fetches the data if needed and writes the splits; does nothing when they are up to date.

    Raises:
        DataError: the data cannot be had, is damaged, or a split would be empty.
    """
    source = config.spec.module("data")
    if _is_current(config):
        return
    with CONSOLE.status("fetching the data"):
        source.fetch(config.dataset)
    partial = config.tfrecords.with_name("tfrecords.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for split in SPLITS:
        file = partial / split / f"{split}.tfrecord"
        limit = config.profile.examples[split]
        with CONSOLE.status(f"writing the {split} split"):
            count = write(source.examples(config.dataset, split, limit), file)
        if not count:
            raise DataError(f"the {split} split of {config.spec.name} is empty")
        # ImportExampleGen knows its input by size and time: equal contents get an equal time.
        seconds = _EPOCH_2000 + int(sha256(file)[:7], 16)
        os.utime(file, (seconds, seconds))
        CONSOLE.print(f"  [green]✓[/] {split:<28} {count:>6} examples")
    write_text(partial / _MADE_FROM, json.dumps(_state(config, partial)))
    if config.tfrecords.exists():
        remove_folder(config.tfrecords)
    place_folder(partial, config.tfrecords)


def _is_current(config: Config) -> bool:
    try:
        made_from = json.loads((config.tfrecords / _MADE_FROM).read_text())
    except (FileNotFoundError, ValueError):
        return False
    return bool(made_from == _state(config, config.tfrecords))


def _state(config: Config, folder: Path) -> dict[str, object]:
    files = {
        file.name: [file.stat().st_size, int(file.stat().st_mtime)]
        for file in sorted(folder.glob("*/*.tfrecord"))
    }
    return {"data": Fingerprints.of(config).data, "files": files}
