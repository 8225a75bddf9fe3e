"""All rules, in the order in which they are tried."""

from web.conversion.rules import (
    activations,
    checks,
    convolutions,
    einsum,
    fusions,
    images,
    lookups,
    masks,
    matrices,
    numbers,
    pooling,
    segments,
    sequences,
    spectra,
    updates,
)

RULES = (
    *fusions.RULES,
    *checks.RULES,
    *activations.RULES,
    *convolutions.RULES,
    *pooling.RULES,
    *einsum.RULES,
    *matrices.RULES,
    *sequences.RULES,
    *segments.RULES,
    *lookups.RULES,
    *images.RULES,
    *spectra.RULES,
    *updates.RULES,
    *masks.RULES,
    *numbers.RULES,
)
