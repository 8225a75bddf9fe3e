"""Quantises all operators of a calibrated model but those that eight bits cannot hold.

TensorFlow's own quantizer takes the names of operators to leave in float32. What it makes loads in
tflite-runtime 2.14, and no further dependency is needed, as it would be for ai-edge-quantizer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement.refusal import Refusal, layer_of
from core.arrays import Array
from core.errors import UserError
from mobile.conversion.calibrated_file import CalibratedFile, Step
from mobile.conversion.interpreter import answers, opened, real
from mobile.conversion.model_file import parse
from mobile.conversion.nearness import agree
from mobile.conversion.runtime_versions import LAST_TFLITE_RUNTIME, loads_in
from models.contract import SIGNATURE_TENSORS
from models.spec import Output

# More examples tell little more, and every round runs all of them.
_EXAMPLES = 64
# The errors of every tensor are measured on fewer.
_MEASURED = 16
# A round quantises and runs everything again, so networks of many operators get fewer: 4 of 300
# operators of EfficientNetB0, which take about a minute.
_ROUNDS, _LEAST_ROUNDS, _OPERATORS = 12, 3, 1200
# Relative errors above this are alike: nothing is left of the values.
_LOST = 1e3
# So many operators at most move to float in one round, besides those that compute their inputs.
_AT_ONCE = 3
# They hold nearly all weights and take nearly all time.
_WEIGHTY = (
    *("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D", "TRANSPOSE_CONV", "FULLY_CONNECTED"),
    *("BATCH_MATMUL", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
)
# Wrong or missing in eight bits, whatever their version says: ONE_HOT's zeros become 0.5, nothing
# below -16 comes out of LOG_SOFTMAX, and tflite-runtime 2.14 divides float32, int32 and uint8 only.
_NEVER = ("ONE_HOT", "LOG_SOFTMAX", "DIV")


class NeedsFloatError(UserError):
    """A variant of bytes only would need operators in float32."""

    def __init__(self, in_float: tuple[tuple[str, str], ...]) -> None:
        layer = next((layer for _, name in in_float if (layer := layer_of(name))), "")
        refusal = Refusal(
            "TensorFlow Lite",
            ", ".join(sorted({operator for operator, _ in in_float})),
            layer,
            "eight bits cannot hold the values, and a variant of bytes has no operator in float32",
            "take the variant int8, in which they stay in float32, or leave int8_uint8 out of the "
            "spec's limits",
        )
        super().__init__(str(refusal))


class TooCoarseError(UserError):
    """No int8 file would agree with float32, whichever operators stay in float32."""

    def __init__(self, operator: str, name: str) -> None:
        refusal = Refusal(
            "TensorFlow Lite",
            operator,
            layer_of(name),
            "its values in eight bits change the answers, and the other operators in float32 do "
            "not help",
            "take the variant float16 or dynamic, or leave int8 out of the spec's limits",
        )
        super().__init__(str(refusal))


@dataclass(frozen=True)
class Quantised:
    """An int8 file with float32 inputs and outputs.

    Attributes:
        content: the file's bytes.
        in_float: the operators that stayed in float32, each with the name of its result.
    """

    content: bytes
    in_float: tuple[tuple[str, str], ...]


class Selective:
    """A calibrated model that can be quantised in part.

    Args:
        calibrated: a float32 file with the range of each tensor, as the calibrator writes it.
        examples: raw inputs by name, one row per example.
        outputs: what the outputs are.
    """

    def __init__(
        self, calibrated: bytes, examples: Mapping[str, Array], outputs: Collection[Output]
    ) -> None:
        self._file = CalibratedFile(calibrated)
        self._makers = {number: step for step in self._file.steps for number in step.outputs}
        self._examples = _some(examples)
        self._right = answers(self._file.content, self._examples)
        self._outputs = outputs
        self._rounds = min(_ROUNDS, max(_LEAST_ROUNDS, _OPERATORS // max(len(self._file.steps), 1)))

    @property
    def narrowed(self) -> Quantised:
        """Returns an int8 file with the operators in float32 that it needs to agree with float32.

        In each round, the operators at which the error grows most move to float32, together with
        those that compute their inputs: an input with too few steps is the usual cause. If that
        does not help, only operators with weights stay in int8.

        Raises:
            TooCoarseError: that does not help either.
        """
        if isinstance(self._found, TooCoarseError):
            raise self._found
        return self._found

    @cached_property
    def _found(self) -> Quantised | TooCoarseError:
        """Returns the file, or why there is none: two variants ask for it."""
        in_float = {
            step
            for step in self._file.steps
            if step.operator in _NEVER or self._file.is_too_fine(step)
        }
        for _ in range(self._rounds):
            content = self._file.quantised(in_float)
            more = self._not_loading(content) - in_float
            if not more and self._agrees(content):
                return self._with_weights_in_int8(in_float, content)
            more = more or self._culprits(content, in_float)
            if not more:
                break
            in_float |= more
        in_float = {step for step in self._file.steps if step.operator not in _WEIGHTY}
        content = self._file.quantised(in_float)
        if self._not_loading(content) or not self._agrees(content):
            return TooCoarseError(*self._worst(content))
        return self._result(in_float, content)

    def _worst(self, content: bytes) -> tuple[str, str]:
        """Returns the operator at which the error grows most, and the name of its result."""
        growth = self._growth(content)
        step = max(growth, key=lambda step: growth[step])
        return step.operator, self._file.name(step)

    def bytes_only(self) -> bytes:
        """Returns the file with uint8 inputs and outputs.

        Raises:
            NeedsFloatError: it would not agree without operators in float32.
            TooCoarseError: it would not agree even with them.
        """
        if self.narrowed.in_float:
            raise NeedsFloatError(self.narrowed.in_float)
        return self._file.named(self._file.quantised((), bytes_only=True))

    def _with_weights_in_int8(self, in_float: set[Step], content: bytes) -> Quantised:
        """Returns a file that still agrees with fewer operators with weights in float32.

        Args:
            content: the file with all of ``in_float`` in float32.
        """
        weighty = {step for step in in_float if step.operator in _WEIGHTY}
        tried = [weighty, *({step} for step in weighty)] if weighty else []
        for some in tried[: self._rounds]:
            fewer = in_float - some
            if fewer == in_float:  # all of them went at once
                break
            other = self._file.quantised(fewer)
            if not self._not_loading(other) - fewer and self._agrees(other):
                in_float, content = fewer, other
        return self._result(in_float, content)

    def _not_loading(self, content: bytes) -> set[Step]:
        """Returns the operators that tflite-runtime's last release does not have in that file."""
        names = _too_new(content)
        return {step for step in self._file.steps if step.operator in names}

    def _result(self, in_float: Collection[Step], content: bytes) -> Quantised:
        steps = sorted(in_float, key=lambda step: step.place)
        named = tuple((step.operator, self._file.name(step)) for step in steps)
        return Quantised(self._file.named(content), named)

    def _agrees(self, content: bytes) -> bool:
        return agree(answers(content, self._examples), self._right, self._outputs)

    def _culprits(self, content: bytes, in_float: Collection[Step]) -> set[Step]:
        """Returns operators that should move to float32 next; none if all behind the error are."""
        growth = self._growth(content)
        worst = sorted(growth, key=lambda step: growth[step], reverse=True)
        found: set[Step] = set()
        for step in worst:
            if growth[step] <= max(growth[worst[0]] / 3, 0) or len(found) >= 3 * _AT_ONCE:
                break
            found |= self._behind(step, in_float)
        return found or {step for step in worst[:1] if step not in in_float}

    def _growth(self, content: bytes) -> dict[Step, float]:
        """Returns by how much the relative error of each operator's result is above its inputs'."""
        errors = self._errors(content)
        return {
            step: max(errors.get(number, 0.0) for number in step.outputs)
            - max((errors.get(number, 0.0) for number in step.inputs), default=0.0)
            for step in self._file.steps
        }

    def _behind(self, step: Step, in_float: Collection[Step]) -> set[Step]:
        """Returns an operator and those before it; where these are in float, those before them."""
        before = {self._makers[number] for number in step.inputs if number in self._makers}
        around = {step, *before} - set(in_float)
        seen = {step}
        while not around and before:
            seen |= before
            before = {
                self._makers[number]
                for each in before
                for number in each.inputs
                if number in self._makers
            } - seen
            around = before - set(in_float)
        return around

    def _errors(self, content: bytes) -> dict[int, float]:
        """Returns the relative error of each tensor of float32 that the int8 file computes too."""
        right, found = (opened(each, keep=True) for each in (self._file.content, content))
        numbers = {
            detail["name"]: detail for detail in found.get_tensor_details() if detail["shape"].size
        }
        pairs = [
            (int(detail["index"]), numbers[detail["name"]])
            for detail in right.get_tensor_details()
            if detail["dtype"] == np.float32 and detail["name"] in numbers
        ]
        wrong = dict.fromkeys((index for index, _ in pairs), 0.0)
        spread = dict(wrong)
        for example in self._examples[:_MEASURED]:
            for interpreter in (right, found):
                interpreter.get_signature_runner(SIGNATURE_TENSORS)(**example)
            for index, detail in pairs:
                value = right.get_tensor(index).astype(np.float64)
                other = real(found.get_tensor(detail["index"]), detail).astype(np.float64)
                if value.shape == other.shape and value.size:
                    wrong[index] += float(np.mean(np.square(other - value)))
                    spread[index] += float(np.var(value)) or float(np.mean(np.square(value)))
        # The logarithm of a zero that eight bits made is infinite, and what follows is NaN.
        return {
            index: float(np.fmin(np.sqrt(wrong[index] / spread[index]), _LOST))
            if spread[index]
            else 0.0
            for index in wrong
        }


def holds(
    content: bytes, function: Any, examples: Mapping[str, Array], outputs: Collection[Output]
) -> bool:
    """Returns whether an int8 file agrees with a function and loads in tflite-runtime 2.14.

    Args:
        content: the file as the quantizer makes it by default.
        function: the concrete function that it was converted from, as it was before any rule.
        examples: raw inputs by name, one row per example.
        outputs: what the outputs are.
    """
    import tensorflow as tf

    operators = parse(Path("int8.tflite"), content).operators
    if _too_new(content) or any(operator.name in _NEVER for operator in operators):
        return False
    some = _some(examples)
    tensors = [{name: tf.constant(value) for name, value in example.items()} for example in some]
    rows = [function(**example) for example in tensors]
    right = {name: np.concatenate([row[name].numpy() for row in rows]) for name in rows[0]}
    return agree(answers(content, some), right, outputs)


def _some(examples: Mapping[str, Array]) -> list[dict[str, Array]]:
    rows = len(next(iter(examples.values())))
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, _EXAMPLES)).astype(int))
    return [{name: values[row : row + 1] for name, values in examples.items()} for row in chosen]


def _too_new(content: bytes) -> set[str]:
    """Returns the operators of an int8 file that tflite-runtime's last release does not have."""
    operators = parse(Path("int8.tflite"), content).operators
    return {operator.name for operator in operators if not loads_in(operator, LAST_TFLITE_RUNTIME)}
