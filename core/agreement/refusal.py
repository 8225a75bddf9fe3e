"""Why a target cannot take a model, in terms that the model's author knows."""

import re
from dataclasses import dataclass

# What TensorFlow puts before the names of a function's operations when it calls the function.
_CALL = re.compile(r"(Stateful)?PartitionedCall(_\d+)?")

# What TensorFlow puts behind the name of a scope that is entered again: Keras 3 enters a layer's
# twice each time it is called, and computes in the second.
_AGAIN = re.compile(r"_\d*[13579]$")


@dataclass(frozen=True)
class Refusal:
    """One reason why a runtime cannot run a model, or why it would answer differently.

    Attributes:
        runtime: the converter or runtime that cannot do it, such as ``TensorFlow Lite``.
        operator: the operator that it lacks or gets wrong, such as ``FFT``.
        layer: the Keras layer that has the operator; empty where it is not known.
        why: the cause, as a clause without a full stop.
        way_out: what the author can do about it, as a clause without a full stop.
    """

    runtime: str
    operator: str
    layer: str
    why: str
    way_out: str

    def __str__(self) -> str:
        where = f" of layer {self.layer!r}" if self.layer else ""
        return f"{self.runtime} cannot run {self.operator}{where}: {self.why}; {self.way_out}"


def layer_of(operation: str) -> str:
    """Returns the layer of a model's operation by the operation's name; empty if it has none.

    Keras names the operations of a layer ``<model>/<layer>/…``. For an operation of a nested layer
    this is the outermost one, which the model's summary shows.
    """
    parts = [part for part in operation.split("/") if not _CALL.fullmatch(part)]
    return _AGAIN.sub("", parts[1]) if len(parts) > 2 else ""
