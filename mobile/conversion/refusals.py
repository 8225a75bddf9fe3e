"""What TensorFlow Lite's converter refuses, in terms that the model's author knows."""

import re
from typing import Any, NamedTuple

from core.agreement.refusal import Refusal, layer_of

RUNTIME = "TensorFlow Lite"
_OPERATOR = re.compile(r"'(tfl?\.\w+)' op")
_NEITHER = "is neither a custom op nor a flex op"


class Cause(NamedTuple):
    """Why the converter refuses an operator, and what the author can do; see Refusal."""

    pattern: str
    why: str
    way_out: str


_MISSING = Cause(
    "",
    "it is not among the built-in operators, and the Flex delegate, which has it, is not in the "
    "runtimes of phones and Raspberry Pis",
    "use another layer or operation, do that step in another signature, or leave mobile out of the "
    "spec's limits",
)
# The first whose pattern is in the converter's message.
_CAUSES = (
    Cause(
        r"element_shape|TensorList",
        "its loop was traced with an open batch, so the shapes of its elements are not known",
        "give the .keras file instead of the SavedModel, or build the layer with unroll=True and "
        "export it again",
    ),
    Cause(
        r"must be tensor of 32-bit float or QI8",
        "it multiplies whole numbers, as layers do after Keras' quantize(), and no such operator "
        "takes them",
        "give the model as it was before quantize(); the variants dynamic and int8 quantise it",
    ),
    Cause(
        r"f8E\w+",
        "it computes in float8, as layers do after Keras' quantize(), which no runtime does",
        "give the model as it was before quantize(); the variants dynamic and int8 quantise it",
    ),
    Cause(rf"{_NEITHER}|marked illegal", *_MISSING[1:]),
)


def in_words(error: Any) -> str:
    """Returns why a ``ConverterError`` was raised: one sentence for each cause."""
    found: dict[Cause, dict[str, list[str]]] = {}
    for operator, layer, message in _reported(error):
        cause = next((each for each in _CAUSES if re.search(each.pattern, message)), None)
        if cause:
            operators = found.setdefault(cause, {}).setdefault(layer, [])
            if operator not in operators:
                operators.append(operator)
    if not found:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return f"TensorFlow Lite's converter failed: {lines[0]}"
    return ". ".join(_sentence(cause, found[cause]) for cause in _CAUSES if cause in found)


def _sentence(cause: Cause, operators: dict[str, list[str]]) -> str:
    (layer, first), *others = sorted(operators.items())
    refusal = Refusal(RUNTIME, ", ".join(sorted(first)), layer, cause.why, cause.way_out)
    named = ", ".join(repr(layer) for layer, _ in others if layer)
    return f"{refusal} (also for the layers {named})" if named else str(refusal)


def _reported(error: Any) -> list[tuple[str, str, str]]:
    """Returns an operator, its layer and a message for each part of the error that has them."""
    parts = [
        # The name in the data can be "no_value" where the message has it.
        (_OPERATOR.findall(each.error_message) or [each.operator.name], _layer(each), each)
        for each in error.errors
        # The converter's own remark, which has the name of the first operator of the graph.
        if each.operator.name and not each.error_message.startswith("Lowering tensor list ops")
    ]
    found = [(names[0], layer, each.error_message) for names, layer, each in parts]
    # Without data, only the error's own words name operators.
    found = found or [
        (name, "", f"{name} {_NEITHER}")
        for name in re.findall(rf"'([\w.]+)' op {_NEITHER}", str(error))
    ]
    return [(re.sub(r"^tfl?\.", "", name), layer, message) for name, layer, message in found]


def _layer(part: Any) -> str:
    names = (call.name.partition("@")[0] for call in part.location.call)
    return next((layer for layer in map(layer_of, names) if layer), "")
