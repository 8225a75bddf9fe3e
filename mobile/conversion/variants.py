"""The forms of a .tflite file that can be made, as a table: adding one is adding a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import UserError


class UnknownVariantError(UserError):
    """A model's limits name a variant that is not in the table."""


@dataclass(frozen=True)
class Variant:
    """How a SavedModel becomes one .tflite file.

    Attributes:
        title: what it is, for people.
        quantised: whether the weights are stored in fewer bits than float32.
        float16: whether the weights are stored as float16 and computed with as float32.
        calibrated: whether activations are 8-bit too, with ranges learnt from examples.
        uint8_io: whether inputs and outputs are bytes, which an image source gives as it is.
    """

    title: str
    quantised: bool = False
    float16: bool = False
    calibrated: bool = False
    uint8_io: bool = False

    def configure(self, converter: Any) -> None:
        """Sets a ``tf.lite.TFLiteConverter``'s options, all but the calibration examples."""
        import tensorflow as tf

        # Per-channel weights of dense layers need FULLY_CONNECTED version 12, which no
        # tflite-runtime has (2.17 was the first TensorFlow with it; tflite-runtime ends at 2.14).
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001 - docs/private-parts.md
        if self.quantised:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if self.float16:
            converter.target_spec.supported_types = [tf.float16]
        if self.uint8_io:
            # Bytes in and out are for integer-only hardware: no operator may stay in float.
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
            converter.inference_output_type = tf.uint8


VARIANTS: Mapping[str, Variant] = {
    "float32": Variant("float32 weights"),
    "float16": Variant("float16 weights, computed in float32", quantised=True, float16=True),
    "dynamic": Variant("int8 weights, activations quantised as they come", quantised=True),
    "int8": Variant("int8 weights and activations, float32 in and out", True, calibrated=True),
    "int8_uint8": Variant(
        "int8 weights and activations, uint8 in and out", True, calibrated=True, uint8_io=True
    ),
}


def variant_named(name: str) -> Variant:
    """Returns a variant. Raises UnknownVariantError, which lists those there are."""
    if name not in VARIANTS:
        known = ", ".join(VARIANTS)
        raise UnknownVariantError(f"unknown mobile variant {name!r}; there are: {known}")
    return VARIANTS[name]
