"""Predict on any transport: the checks of TensorFlow Serving's predict_util.cc."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from serving.server.dataplane import protos, shapes
from serving.server.dataplane.limits import InputLimits
from serving.server.dataplane.saved_model import DEFAULT_SIGNATURE, Servable
from serving.server.dataplane.statuses import Code, ServingError, invalid
from serving.server.dataplane.tensors import (
    COLUMN,
    Array,
    Signature,
    TensorInfo,
    Tensors,
    type_name,
    type_number,
)


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


def from_messages(
    definition: Signature, messages: Mapping[str, Any], limits: InputLimits
) -> Tensors:
    """Returns the inputs of a request from TensorProto messages by alias.

    Type, shape and size are checked before memory is allocated: a few bytes can claim a huge
    tensor. Plain lists for columns are returned as they were sent. Raises ServingError when an
    input is not what the signature promises, or is beyond a limit.
    """
    check_aliases(definition, messages)
    size = 0
    for alias, info in definition.inputs.items():
        message = messages[alias]
        shape = protos.shape_of(message)
        if message.dtype != info.dtype:
            raise _wrong_type(alias, info, message.dtype)
        if not info.admits(shape) and not (info.shape == COLUMN and len(shape) == 1):
            raise shapes.wrong_shape(alias, info, shape)
        limits.check_rows(alias, info, shape)
        size += protos.bytes_of(message, shape)
        limits.check_bytes(size)
    return {alias: protos.to_array(messages[alias]) for alias in definition.inputs}


def from_arrays(
    definition: Signature, arrays: Mapping[str, Array | ServingError], limits: InputLimits
) -> Tensors:
    """Returns the inputs of a request from arrays by alias, as promised() takes them.

    Args:
        definition: the signature.
        arrays: the inputs, or why they can't be read. Their content was checked already.
        limits: for the number of rows.

    Raises ServingError when an input is missing, unknown, unreadable or has too many rows.
    """
    check_aliases(definition, arrays)
    inputs: Tensors = {}
    for alias, info in definition.inputs.items():
        array = arrays[alias]
        if isinstance(array, ServingError):
            raise array
        limits.check_rows(alias, info, array.shape)
        inputs[alias] = array
    return inputs


def promised(definition: Signature, inputs: Tensors) -> Tensors:
    """Returns the inputs with the shapes that the signature promises; see shapes.with_columns().

    Raises ServingError when the type, the shape or the number of rows is not the signature's.
    """
    for alias, info in definition.inputs.items():
        number = type_number(inputs[alias].dtype)
        if number != info.dtype:
            raise _wrong_type(alias, info, number)
    fitted = shapes.with_columns(definition, inputs) if definition.columns else inputs
    shapes.check(definition, fitted)
    return fitted


def _wrong_type(alias: str, info: TensorInfo, number: int) -> ServingError:
    return invalid(
        f"input tensor alias {alias} has type {type_name(number)}, expected {type_name(info.dtype)}"
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
