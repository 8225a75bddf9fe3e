"""``fanout new``: chooses by the option what the model's folder is made from."""

import argparse
from pathlib import Path

from core.errors import UserError
from models.spec import FOLDER


def create(options: argparse.Namespace, models: Path = FOLDER) -> str:
    """Returns what to tell the user: what was found, and what to do next.

    Raises:
        UserError: nothing was written, and why.
    """
    if options.label is not None and not options.csv:
        raise UserError("--label names a column: it goes with --csv only")
    if options.trust and not options.keras:
        raise UserError("--trust goes with --keras only")
    if options.csv:
        from pipeline.new import from_table

        folder, found = from_table.create(options.name, options.csv, options.label, models)
    elif options.images:
        from pipeline.new import from_pictures

        folder, found = from_pictures.create(options.name, options.images, models)
    else:
        from pipeline.new import from_existing

        folder, found = from_existing.create(
            options.name,
            options.keras or options.saved_model,
            trusted=options.trust,
            models=models,
        )
    return (
        f"{found}\n\nwritten: {folder}\ncurate schema.pbtxt and spec.py there, then run:\n"
        f"  make deploy MODEL={options.name}"
    )
