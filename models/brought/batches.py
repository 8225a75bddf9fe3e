"""Models that take a fixed number of examples at once, called with any number."""

from collections.abc import Mapping
from typing import Any

from models.brought.opened import Call


def in_batches(call: Call, size: int | None) -> Call:
    """Returns a call that takes batches of any size; the same call where ``size`` is None.

    It asks for one example at a time, repeated where the model takes several. In a trace this is a
    loop, unless the trace has the model's own batch size.

    Args:
        call: the model's.
        size: the number of examples that it takes at once.
    """
    import tensorflow as tf

    if size is None:
        return call
    traced = tf.function(call)

    def called(inputs: Mapping[str, Any]) -> dict[str, Any]:
        inputs = {name: tf.convert_to_tensor(each) for name, each in inputs.items()}
        if {tensor.shape[0] for tensor in inputs.values()} == {size}:
            return call(inputs)

        def one(example: Mapping[str, Any]) -> dict[str, Any]:
            repeated = {
                name: tf.repeat(tensor[None], size, axis=0) for name, tensor in example.items()
            }
            answers = traced(repeated)
            return {
                name: answer[0] if answer.shape.rank else answer for name, answer in answers.items()
            }

        first = {
            name: tf.TensorSpec((size, *tensor.shape[1:]), tensor.dtype)
            for name, tensor in inputs.items()
        }
        answers = traced.get_concrete_function(first).structured_outputs
        specs = {
            name: tf.TensorSpec(answer.shape[1:], answer.dtype) for name, answer in answers.items()
        }
        mapped: dict[str, Any] = tf.map_fn(one, inputs, fn_output_signature=specs)
        return mapped

    return called
