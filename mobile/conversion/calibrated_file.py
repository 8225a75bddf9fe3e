"""A calibrated .tflite file: float32, with the range of every tensor, ready to be quantised."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import flatbuffers  # type: ignore[import-untyped]

from mobile.conversion.model_file import IDENTIFIER, operator_name
from mobile.conversion.model_writer import editable

# The quantizer gives their inputs and outputs one scale, the narrowest of their ranges.
_ONE_SCALE = (
    *("AVERAGE_POOL_2D", "CONCATENATION", "GATHER", "GATHER_ND", "MAXIMUM", "MAX_POOL_2D"),
    *("MINIMUM", "PACK", "PAD", "PADV2", "REDUCE_MAX", "REDUCE_MIN", "SELECT", "SELECT_V2"),
    *("SLICE", "SPLIT", "STRIDED_SLICE", "TOPK_V2", "UNPACK"),
)


@dataclass(frozen=True)
class Step:
    """An operator of the main graph.

    Attributes:
        place: its place in the order of execution.
        operator: its name in TensorFlow Lite, such as ``CONV_2D``.
        inputs, outputs: the numbers of its tensors; those of constants are not among the inputs.
    """

    place: int
    operator: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class CalibratedFile:
    """A calibrated file whose operators can be told apart.

    Args:
        content: what TensorFlow's calibrator returns.
    """

    def __init__(self, content: bytes) -> None:
        self._model = editable(content)
        self._names: dict[str, bytes] = {}
        for graph_number, graph in enumerate(self._model.subgraphs):
            for number, tensor in enumerate(graph.tensors):
                # Names need not be unique, but only a name says which operator stays in float.
                name = f"{graph_number}.{number}"
                self._names[name] = tensor.name
                tensor.name = name
        _widen(self._model)

    @cached_property
    def content(self) -> bytes:
        """Returns the float32 file. Tensor number 7 has the name ``0.7``."""
        return _packed(self._model)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Returns the operators of the main graph that have results, in the order of execution."""
        graph = self._model.subgraphs[0]
        computed = set(_listed(graph.inputs)) | {
            number for operator in graph.operators for number in _listed(operator.outputs)
        }
        return tuple(
            Step(
                place,
                operator_name(self._model.operatorCodes[operator.opcodeIndex]),
                tuple(number for number in _listed(operator.inputs) if number in computed),
                tuple(_listed(operator.outputs)),
            )
            for place, operator in enumerate(graph.operators)
            if len(_listed(operator.outputs))
        )

    def is_too_fine(self, step: Step) -> bool:
        """Returns whether a sum's range is too small beside those of its terms, as in x - x.

        tflite-runtime computes the ratio of the scales in 20 bits, and ends the process at more.
        """
        if step.operator not in ("ADD", "SUB"):
            return False
        widths = [self._width(number) for number in (*step.outputs, *step.inputs)]
        terms = [width for width in widths[1:] if math.isfinite(width)]
        return widths[0] < max(terms, default=0.0) * 2**-18

    def _width(self, number: int) -> float:
        known = self._model.subgraphs[0].tensors[number].quantization
        if known is None or not _has_range(known):
            return math.inf
        return float(max(known.max[0], 0) - min(known.min[0], 0))

    def name(self, step: Step) -> str:
        """Returns the name that the converter gave to an operator's first result."""
        return self._names[f"0.{step.outputs[0]}"].decode()

    def quantised(self, in_float: Iterable[Step], *, bytes_only: bool = False) -> bytes:
        """Returns the int8 file, whose tensors keep plain names.

        Args:
            in_float: the operators that stay in float32.
            bytes_only: whether inputs and outputs are uint8 instead of float32.
        """
        import tensorflow as tf
        from tensorflow.lite.python.convert import mlir_quantize

        outside = tf.uint8 if bytes_only else tf.float32
        content: bytes = mlir_quantize(
            self.content,
            fully_quantize=bytes_only,
            input_data_type=outside,
            output_data_type=outside,
            disable_per_channel_for_dense_layers=True,
            denylisted_nodes={f"0.{number}" for step in in_float for number in step.outputs},
        )
        return content

    def named(self, content: bytes) -> bytes:
        """Returns a quantised file in which tensors have the names that the converter gave."""
        model = editable(content)
        for graph in model.subgraphs:
            for tensor in graph.tensors:
                tensor.name = self._names.get(tensor.name.decode(), tensor.name)
        return _packed(model)


def _packed(model: Any) -> bytes:
    """Returns a file with all of its names, which ``write`` would shorten."""
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _widen(model: Any) -> None:
    """Gives the tensors of operators with one scale for all of them one range: their union.

    Otherwise what lies outside of the result's range is cut off from the operator's input, for all
    that read it.
    """
    for graph in model.subgraphs:
        ranges = [tensor.quantization for tensor in graph.tensors]
        changed = True
        while changed:
            changed = False
            for operator in _listed(graph.operators):
                if operator_name(model.operatorCodes[operator.opcodeIndex]) not in _ONE_SCALE:
                    continue
                together = [
                    ranges[number]
                    for number in (*_listed(operator.inputs), *_listed(operator.outputs))
                    if number >= 0 and ranges[number] is not None and _has_range(ranges[number])
                ]
                if not together:
                    continue
                lowest = min(each.min[0] for each in together)
                highest = max(each.max[0] for each in together)
                for each in together:
                    if (each.min[0], each.max[0]) != (lowest, highest):
                        each.min, each.max = [lowest], [highest]
                        changed = True


def _listed(values: Any) -> Sequence[Any]:
    """Returns a list of the file's; an empty one, as of a branch's operators, may be missing."""
    return () if values is None else values


def _has_range(quantisation: Any) -> bool:
    return quantisation.min is not None and len(quantisation.min) == 1
