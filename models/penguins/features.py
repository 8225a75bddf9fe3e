"""From a stored penguin to the network's raw input, and what Transform learns of the data."""

from typing import Any

from models.penguins.columns import COLUMNS

FEATURES = COLUMNS.features
STATISTICS = COLUMNS.statistics
VOCABULARIES = COLUMNS.vocabularies
raw_inputs = COLUMNS.raw_inputs


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Returns what Transform's full pass finds: means, variances and vocabularies."""
    return COLUMNS.preprocessing_fn(inputs)
