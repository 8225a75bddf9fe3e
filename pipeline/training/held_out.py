"""The score on held-out examples by which trainings of one model are compared."""

from statistics import fmean
from typing import Any

import numpy as np

from core.arrays import Array
from models.examples import read
from models.roles.role import Head
from models.roles.table import heads
from models.spec import ModelSpec
from pipeline.training.export import named

BATCH = 1000
# For outputs whose role has no score: the larger, the smaller the loss.
NEGATIVE_LOSS = "negative loss"


def score_name(spec: ModelSpec) -> str:
    """Returns what the score is called: that of the outputs' role, such as ``accuracy``."""
    names = {head.role.score_of.name for head in _scored(spec) if head.role.score_of}
    if not names:
        return NEGATIVE_LOSS
    return names.pop() if len(names) == 1 else "mean score"


def held_out_score(model: Any, spec: ModelSpec, pattern: str, figures: dict[str, float]) -> float:
    """Returns the score of a trained network, the higher the better; the mean of several heads'.

    It is NaN where an answer is not finite.

    Args:
        pattern: a glob that matches the split's TFRecord files.
        figures: the training's figures, for models whose outputs have no score.
    """
    scored = _scored(spec)
    if not scored:
        return -figures["val_loss"]
    answers: dict[str, list[Array]] = {}
    truths: dict[str, list[Array]] = {}
    for inputs, truth in read(spec, pattern, batch_size=spec.batch(BATCH)):
        right = truth if isinstance(truth, dict) else {spec.outputs[0].name: truth}
        for name, values in named(model(inputs), spec).items():
            answers.setdefault(name, []).append(values.numpy())
        for name, values in right.items():
            truths.setdefault(name, []).append(values.numpy())
    said = {name: np.concatenate(parts) for name, parts in answers.items()}
    if not all(np.isfinite(values).all() for values in said.values()):
        return float("nan")
    scores = [head.score(said, np.concatenate(truths[head.name])) for head in scored]
    return fmean(float("nan") if score is None else score for score in scores)


def _scored(spec: ModelSpec) -> list[Head]:
    return [head for head in heads(spec.outputs) if head.label_key and head.role.score_of]
