"""``fanout new``: makes a model's folder from the source that the options name."""

import argparse
import shlex
from pathlib import Path

from core.errors import UserError
from models.places import OWN, VARIABLE
from pipeline.new.asked import Asked


def create(options: argparse.Namespace, models: Path = OWN) -> str:
    """Makes the folder, and returns a text for the user: what it found, and what to do next.

    Raises:
        UserError: nothing was written; the message says why.
    """
    if options.label and not options.csv:
        raise UserError("--label names a column, so it needs --csv")
    if options.task and not options.csv:
        raise UserError("--task says what a label is, so it needs --csv")
    if options.masks and not options.images:
        raise UserError("--masks has the masks of pictures, so it needs --images")
    asked = Asked.of(options)
    if options.csv:
        from pipeline.new import from_table

        folder, summary = from_table.create(
            options.name, options.csv, options.label, options.task, models
        )
    elif options.masks:
        from pipeline.new import from_masks

        folder, summary = from_masks.create(options.name, options.images, options.masks, models)
    elif options.images:
        from pipeline.new import from_pictures

        folder, summary = from_pictures.create(options.name, options.images, models)
    else:
        from pipeline.new import from_existing

        folder, summary = from_existing.create(
            options.name,
            options.keras or options.saved_model,
            asked=asked,
            models=models,
        )
    elsewhere = "" if models == OWN else f"{VARIABLE}={shlex.quote(str(models))} "
    return (
        f"{summary}\n\nwritten: {folder}\ncurate schema.pbtxt and spec.py there, then run:\n"
        f"  {elsewhere}make deploy MODEL={options.name}"
    )
