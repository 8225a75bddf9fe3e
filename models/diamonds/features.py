"""Turns stored diamonds into the network's raw input, and lists what Transform learns."""

from typing import Any

from models.diamonds.columns import COLUMNS

FEATURES = COLUMNS.features
STATISTICS = COLUMNS.statistics
VOCABULARIES = COLUMNS.vocabularies
raw_inputs = COLUMNS.raw_inputs


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the price and the results of Transform's full pass over the training data."""
    return COLUMNS.preprocessing_fn(inputs)
