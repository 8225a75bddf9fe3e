"""Converts the SavedModel's ``serving_default`` into the bytes of a .tflite file."""

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.arrays import Array
from core.errors import UserError
from mobile.conversion.rules.rewriting import owner_of, rewritten
from mobile.conversion.rules.table import rules_for
from mobile.conversion.variants import Variant
from models.contract import SIGNATURE_TENSORS
from models.spec import ModelSpec


class ConversionError(UserError):
    """The SavedModel cannot be converted into a .tflite file of that variant."""


class UnsupportedOperatorError(ConversionError):
    """The signature needs operators that TensorFlow Lite does not have."""

    def __init__(self, operators: list[str]) -> None:
        self.operators = operators
        super().__init__(
            f"signature {SIGNATURE_TENSORS!r} uses operators that TensorFlow Lite does not have: "
            f"{', '.join(operators)}. The Flex delegate, which has them, is not in the runtimes of "
            "phones and Raspberry Pis; use other operators in the network, or do that step in "
            "another signature"
        )


class Source:
    """A loaded SavedModel whose ``serving_default`` is fixed to one example at a time.

    A fixed batch of 1 removes the operators that compute shapes. A prediction is then up to three
    times faster, and LiteRT.js loads only such files.
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

        def one_example(**inputs: Any) -> Any:
            outputs = dict(signature(**inputs))
            for tensor in spec.outputs:
                # Clients allocate memory by the shape, but the result of a table lookup has none.
                # Where the shape is already known, the converter drops the operator.
                outputs[tensor.name] = tf.reshape(outputs[tensor.name], (1, *tensor.shape))
            return outputs

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
            UnsupportedOperatorError: an operator is not in TensorFlow Lite.
            ConversionError: the converter failed for another reason.
        """
        import tensorflow as tf
        from tensorflow.lite.python.convert_phase import ConverterError

        function = rewritten(self._function, rules_for(calibrated=variant.calibrated))
        owner = owner_of(function, self._loaded)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
        variant.configure(converter)
        if variant.calibrated:
            converter.representative_dataset = lambda: _one_by_one(calibration)
        try:
            with warnings.catch_warnings():
                # The calibrator inspects its result with an interpreter that TensorFlow deprecates.
                warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter is deprecated")
                content: bytes = converter.convert()
        except ConverterError as error:
            raise _in_words(error) from error
        return content


def _one_by_one(inputs: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
    for row in range(len(next(iter(inputs.values())))):
        yield {name: values[row : row + 1] for name, values in inputs.items()}


def _in_words(error: Any) -> ConversionError:
    named = {each.operator.name for each in error.errors if each.operator.name}
    # The error's data lacks some operators that its message names, as in: 'tf.Igamma' op is neither
    # a custom op …
    named |= set(re.findall(r"'(tf\.\w+)' op is neither", str(error)))
    if named:
        return UnsupportedOperatorError(sorted(name.removeprefix("tf.") for name in named))
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return ConversionError(f"TensorFlow Lite's converter failed: {lines[0]}")
