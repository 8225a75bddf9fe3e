"""Layers that act during training only: otherwise they must pass on what they get."""

from collections.abc import Sequence
from typing import Any

from keras import layers

from tests.compatibility.row import BYTES, Row, computed, family

_DROPOUT = (
    "Dropout",
    "AlphaDropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "ActivityRegularization",
)
_COLOURS = (
    *("RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast"),
    *("RandomGrayscale", "RandomHue", "RandomInvert", "RandomPosterization"),
    *("RandomSaturation", "RandomSharpness", "RandomGaussianBlur"),
)
_PLACES = (
    *("RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomPerspective"),
    *("RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"),
)
_MIXED = ("AugMix", "RandAugment", "CutMix", "MixUp")
_ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"), (0.3,)),
    **dict.fromkeys(("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), (0.3,)),
    **dict.fromkeys(("RandomBrightness", "RandomColorDegeneration", "RandomContrast"), (0.3,)),
    **dict.fromkeys(("RandomHue", "RandomSaturation", "RandomSharpness"), (0.3,)),
    **dict.fromkeys(("RandomRotation", "RandomShear", "RandomZoom"), (0.3,)),
    "RandomPosterization": (4,),
    "RandomTranslation": (0.3, 0.3),
    "ActivityRegularization": (0.1,),
}


def _chain(names: Sequence[str]) -> Any:
    def network(x: Any) -> Any:
        # Otherwise an input would be an output, which is a row of its own.
        x = x * 0.5
        for name in names:
            x = getattr(layers, name)(*_ARGUMENTS.get(name, ()))(x)
        return x

    return network


def _row(name: str, names: Sequence[str], *shape: int) -> Row:
    return Row(name, computed(_chain(names), *shape), {"x": BYTES}, covers=tuple(names))


ROWS = family(
    "Training only",
    _row("dropout and noise", _DROPOUT, 6, 4),
    _row("SpatialDropout2D", ("SpatialDropout2D",), 6, 6, 3),
    _row("SpatialDropout3D", ("SpatialDropout3D",), 4, 4, 4, 2),
    _row("random colours", _COLOURS, 8, 8, 3),
    _row("random places", _PLACES, 8, 8, 3),
    _row("mixed pictures", _MIXED, 8, 8, 3),
)
