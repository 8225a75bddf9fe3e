"""Random weights for every part of a model: untrained biases and statistics hide faults."""

from typing import Any

import numpy as np

from core.arrays import Array


def randomise(model: Any, seed: int) -> None:
    """Replaces every weight of a Keras model by seeded random numbers that suit its part.

    Whole numbers stay: they are counters, tables and the states of random generators.
    """
    import ml_dtypes

    random = np.random.default_rng(seed)
    for weight in model.weights:
        old = np.asarray(weight)
        if old.dtype.kind != "f" and old.dtype != ml_dtypes.bfloat16:
            continue
        weight.assign(_values(weight.path, old.shape, random).astype(old.dtype))


def _values(path: str, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    name = path.rsplit("/", 1)[-1]
    if "variance" in name or name in ("gamma", "scale", "p_re_lu_alpha"):
        return random.uniform(0.5, 1.5, shape)
    if name == "alpha":
        return random.uniform(0.1, 0.5, shape)
    if name in ("beta", "bias", "moving_mean", "mean") or len(shape) < 2:
        return random.uniform(-0.5, 0.5, shape)
    if name == "embeddings":
        return random.normal(size=shape)
    fan_in = max(1, int(np.prod(shape[:-1])))
    return random.normal(size=shape) * np.sqrt(1.5 / fan_in)
