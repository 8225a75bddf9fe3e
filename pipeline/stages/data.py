"""The pipeline's input: TFRecords of a model's data, written again when they are out of date."""

import json
import shutil
from pathlib import Path

from core.console import CONSOLE
from core.errors import DataError
from core.files import place_folder, remove_folder, write_text
from models.spec import SPLITS
from pipeline.settings.config import Config
from pipeline.stages.fingerprints import Fingerprints
from pipeline.stages.tfrecords import write_split

_MADE_FROM = "made-from.json"


def prepare(config: Config) -> None:
    """Fetches the data if needed and writes the splits; does nothing when they are up to date.

    Raises:
        DataError: the data cannot be fetched, is damaged, or a split would be empty.
    """
    if _is_current(config):
        return
    source = config.spec.module("data")
    with CONSOLE.status("fetching the data"):
        source.fetch(config.dataset)
    tfrecords = config.build.tfrecords
    partial = tfrecords.with_name("tfrecords.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for split in SPLITS:
        with CONSOLE.status(f"writing the {split} split"):
            count = write_split(source, config.dataset, split, partial, config.profile.examples)
        if not count:
            raise DataError(f"the {split} split of {config.spec.name} is empty")
        CONSOLE.print(f"  [green]✓[/] {split:<28} {count:>6} examples")
    write_text(partial / _MADE_FROM, json.dumps(_state(config, partial)))
    if tfrecords.exists():
        remove_folder(tfrecords)
    place_folder(partial, tfrecords)


def _is_current(config: Config) -> bool:
    try:
        made_from = json.loads((config.build.tfrecords / _MADE_FROM).read_text())
    except (FileNotFoundError, ValueError):
        return False
    return bool(made_from == _state(config, config.build.tfrecords))


def _state(config: Config, folder: Path) -> dict[str, object]:
    files = {
        file.name: [file.stat().st_size, int(file.stat().st_mtime)]
        for file in sorted(folder.glob("*/*.tfrecord"))
    }
    return {"data": Fingerprints.of(config).data, "files": files}
