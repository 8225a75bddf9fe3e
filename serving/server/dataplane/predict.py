"""Predict on any transport: the checks of TensorFlow Serving's predict_util.cc."""

from collections.abc import Iterable, Mapping, Sequence

from serving.server.dataplane.saved_model import DEFAULT_SIGNATURE, Servable
from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.tensors import Array, Signature, type_name, type_number


def signature(servable: Servable, name: str) -> Signature:
    """Returns the signature that a gRPC request names. Raises ServingError if it does not exist."""
    definition = servable.signature(name)
    if definition is None:
        raise ServingError(
            Code.FAILED_PRECONDITION,
            f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.',
        )
    return definition


def check_aliases(definition: Signature, given: Iterable[str]) -> None:
    """Raises ServingError when the given inputs are not those of the signature."""
    sent, wanted = set(given), set(definition.inputs)
    if sent == wanted:
        return
    raise invalid(
        f"input size does not match signature: {len(sent)}!={len(wanted)} "
        f"len({_names(sent)}) != len({_names(wanted)}). Sent extra: {_names(sent - wanted)}. "
        f"Missing but required: {_names(wanted - sent)}."
    )


def check_inputs(definition: Signature, inputs: Mapping[str, Array]) -> None:
    """Raises ServingError when the type of an input is not the signature's.

    Shapes are left to the graph to check, as in TensorFlow Serving: models with the shape (-1, 1)
    in their signature are commonly called with a plain list.
    """
    for alias, info in definition.inputs.items():
        array = inputs[alias]
        number = type_number(array.dtype)
        if number != info.dtype:
            raise invalid(
                f"input tensor alias {alias} has type {type_name(number)}, expected "
                f"{type_name(info.dtype)}"
            )


def chosen_outputs(definition: Signature, output_filter: Sequence[str]) -> tuple[str, ...]:
    """Returns the outputs that a request selects; all for an empty filter.

    Raises ServingError for an unknown or a repeated alias.
    """
    if not output_filter:
        return tuple(definition.outputs)
    for position, alias in enumerate(output_filter):
        if alias not in definition.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in "
                f"the set {_names(set(definition.outputs))}."
            )
        if alias in output_filter[:position]:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return tuple(output_filter)


def _names(names: set[str]) -> str:
    return "{" + ",".join(sorted(names)) + "}"
