"""All rules, in the order in which they are tried."""

from web.conversion.rules import (
    activations,
    convolutions,
    einsum,
    fusions,
    images,
    lookups,
    matrices,
    numbers,
    pooling,
    segments,
    sequences,
    spectra,
)

RULES = (
    *fusions.RULES,
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
    *numbers.RULES,
)
