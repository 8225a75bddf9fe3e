"""The table of the .tflite variants that can be made. To add a variant, add a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import UserError


class UnknownVariantError(UserError):
    """A model's limits name a variant that is not in the table."""


@dataclass(frozen=True)
class Variant:
    """The way in which a SavedModel is converted into one .tflite file.

    Attributes:
        title: a title for people.
        quantised: whether the weights are stored in fewer bits than float32.
        float16: whether weights are stored as float16 and computation uses float32.
        calibrated: whether activations are 8-bit too, with ranges learnt from examples.
        uint8_io: whether inputs and outputs are bytes, which image sources provide directly.
    """

    title: str
    quantised: bool = False
    float16: bool = False
    calibrated: bool = False
    uint8_io: bool = False

    def configure(self, converter: Any) -> None:
        """Sets all options of a ``tf.lite.TFLiteConverter`` except the calibration examples."""
        import tensorflow as tf

        # Per-channel weights of dense layers need FULLY_CONNECTED version 12. No tflite-runtime has
        # it: TensorFlow 2.17 introduced it, and the last tflite-runtime is 2.14.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001 - docs/private-parts.md
        if self.quantised:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if self.float16:
            converter.target_spec.supported_types = [tf.float16]
        if self.uint8_io:
            # Byte inputs and outputs are for integer-only hardware: no operator may stay in float.
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
            converter.inference_output_type = tf.uint8


VARIANTS: Mapping[str, Variant] = {
    "float32": Variant("float32 weights"),
    "float16": Variant("float16 weights, computed in float32", quantised=True, float16=True),
    "dynamic": Variant("int8 weights, activations quantised at run time", quantised=True),
    "int8": Variant(
        "int8 weights and activations, float32 inputs and outputs", True, calibrated=True
    ),
    "int8_uint8": Variant(
        "int8 weights and activations, uint8 inputs and outputs",
        True,
        calibrated=True,
        uint8_io=True,
    ),
}


def variant_named(name: str) -> Variant:
    """Returns a variant. Raises UnknownVariantError, which lists the known variants."""
    if name not in VARIANTS:
        known = ", ".join(VARIANTS)
        raise UnknownVariantError(f"unknown mobile variant {name!r}; there are: {known}")
    return VARIANTS[name]
