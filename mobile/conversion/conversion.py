"""Converts the SavedModel's ``serving_default`` into the bytes of a .tflite file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement.refusal import Refusal, layer_of
from core.arrays import Array
from core.errors import UserError
from mobile.conversion.interpreter import without_warning
from mobile.conversion.loops import with_float32_biases
from mobile.conversion.refusals import RUNTIME, in_words
from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.rewriting import owner_of, rewritten
from mobile.conversion.rules.table import rules_for
from mobile.conversion.selective import NeedsFloatError, Selective, TooCoarseError, holds
from mobile.conversion.variants import Variant
from models.contract import ONE_EXAMPLE, SIGNATURE_TENSORS
from models.spec import ModelSpec
from models.tracing import loops_of


class ConversionError(UserError):
    """The SavedModel cannot be converted into a .tflite file of that variant."""


class Source:
    """A loaded SavedModel whose ``serving_default`` is fixed to one example at a time.

    A fixed batch of 1 removes the operators that compute shapes. A prediction is then up to three
    times faster, and LiteRT.js loads only such files.

    Attributes:
        loops: the layers that have loops.
    """

    def __init__(self, saved_model: Path, spec: ModelSpec) -> None:
        """Raises ConversionError when the signature is missing or has other inputs."""
        import tensorflow as tf

        self._loaded = tf.saved_model.load(str(saved_model))
        if SIGNATURE_TENSORS not in self._loaded.signatures:
            raise ConversionError(
                f"{saved_model} has no signature {SIGNATURE_TENSORS!r}; it has: "
                f"{', '.join(sorted(self._loaded.signatures)) or 'none'}"
            )
        signature = self._loaded.signatures[SIGNATURE_TENSORS]
        expected = sorted(tensor.name for tensor in spec.inputs)
        inputs = sorted(signature.structured_input_signature[1])
        if inputs != expected:
            raise ConversionError(f"{saved_model} takes inputs {inputs}, its spec says {expected}")
        missing = {tensor.name for tensor in spec.outputs} - set(signature.structured_outputs)
        if missing:
            raise ConversionError(
                f"{saved_model} answers with {sorted(signature.structured_outputs)}, "
                f"its spec also says {sorted(missing)}"
            )

        # With loops, only a trace for one example has shapes that TensorFlow Lite can convert.
        traced = getattr(self._loaded, ONE_EXAMPLE, signature)
        self.loops = sorted({layer_of(loop) or loop for loop in loops_of(traced)})

        def one_example(**inputs: Any) -> Any:
            outputs = dict(traced(**inputs))
            for tensor in spec.outputs:
                # Clients allocate memory by the shape, but the result of a table lookup has none.
                # Where the shape is already known, the converter drops the operator.
                outputs[tensor.name] = tf.reshape(outputs[tensor.name], (1, *tensor.shape))
            return outputs

        # TensorFlow 2.21's calibrator makes one text of an array's bytes, then fails or crashes.
        self._texts = [
            tensor.name for tensor in spec.inputs if tensor.dtype == "string" and tensor.shape
        ]
        self._outputs = spec.outputs
        self._functions: dict[bool, Any] = {}
        self._selective: Selective | None = None
        self._function = tf.function(one_example).get_concrete_function(
            **{
                tensor.name: tf.TensorSpec((1, *tensor.shape), tensor.dtype, name=tensor.name)
                for tensor in spec.inputs
            }
        )

    def convert(self, variant: Variant, calibration: Mapping[str, Array]) -> bytes:
        """Returns the .tflite file, with the signature's name and aliases.

        Args:
            calibration: raw inputs by name, one row per example, for variants that need them.

        Raises:
            ConversionError: the converter failed; the message says why, and what to do about it.
        """
        if variant.calibrated and self._texts:
            raise ConversionError(str(self._texts_refused()))
        content = self._converted(variant, calibration)
        if variant.float16:
            return with_float32_biases(content)
        if not variant.calibrated:
            return content
        if holds(content, self._function, calibration, self._outputs):
            return content
        try:
            return self._mended(variant, calibration)
        except (NeedsFloatError, TooCoarseError) as error:
            raise ConversionError(str(error)) from error

    def _mended(self, variant: Variant, calibration: Mapping[str, Array]) -> bytes:
        """Returns an int8 file in which what eight bits cannot hold is in float32."""
        if self._selective is None:
            # With the rules of calibrated variants, and before any quantizer.
            calibrated = self._converted(variant, calibration, calibrate_only=True)
            self._selective = Selective(calibrated, calibration, self._outputs)
        return (
            self._selective.bytes_only() if variant.uint8_io else self._selective.narrowed.content
        )

    def _texts_refused(self) -> Refusal:
        """Returns why a file with an input of several texts is not calibrated."""
        readers = [
            layer
            for operation in FrozenGraph.of(self._function).opened().get_operations()
            if any(tensor.dtype.name == "string" for tensor in operation.inputs)
            and all(tensor.dtype.name != "string" for tensor in operation.outputs)
            and (layer := layer_of(operation.name))
        ]
        return Refusal(
            RUNTIME,
            f"the input {', '.join(map(repr, self._texts))}",
            readers[0] if readers else "",
            "in eight bits it must be calibrated, and the calibrator takes one text per input only",
            "take the variant dynamic, or give each text an input of its own, of the shape ()",
        )

    def _converted(
        self, variant: Variant, calibration: Mapping[str, Array], *, calibrate_only: bool = False
    ) -> bytes:
        import tensorflow as tf
        from tensorflow.lite.python.convert_phase import ConverterError

        function = self._rewritten(variant.calibrated)
        owner = owner_of(function, self._loaded)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
        variant.configure(converter)
        if variant.calibrated:
            converter.representative_dataset = lambda: _one_by_one(calibration)
            converter._experimental_calibrate_only = calibrate_only  # noqa: SLF001 - docs/private-parts.md
        try:
            # The calibrator inspects its result with that interpreter.
            with without_warning():
                content: bytes = converter.convert()
        except ConverterError as error:
            raise ConversionError(in_words(error)) from error
        except Exception as error:  # such as a ValueError for text that the calibrator gets wrong
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise ConversionError(f"TensorFlow Lite's converter failed: {reason}") from error
        return content

    def _rewritten(self, calibrated: bool) -> Any:
        """Returns the function that the rules make, the same one for all variants of a kind."""
        if calibrated not in self._functions:
            rules = rules_for(calibrated=calibrated)
            self._functions[calibrated] = rewritten(self._function, rules)
        return self._functions[calibrated]


def _one_by_one(inputs: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    for row in range(len(next(iter(inputs.values())))):
        yield {name: _as_read(values[row : row + 1]) for name, values in inputs.items()}


def _as_read(values: Array) -> Array:
    """Returns one example as the calibrator reads it: a text as exactly its bytes."""
    return np.array([values.item().encode()]) if values.dtype.kind == "U" else values
