"""Why TensorFlow.js cannot run a model, by the operation at which it failed."""

from collections.abc import Mapping

from core.agreement.refusal import Refusal, layer_of
from web.conversion.operators import WAY_OUT


def refusal(why: str, operation: Mapping[str, str], engine: str) -> str:
    """Returns the reason in one sentence.

    Args:
        why: the error, a crash or a timeout, as a clause.
        operation: the operation that was running, as web/app/src/trace.ts describes it.
        engine: the TensorFlow.js backend that was running it.
    """
    # Names in the body of a loop lack the layer's name if TensorFlow has outlined it.
    layer = layer_of(operation["name"]) or layer_of(operation["within"])
    runtime = f"TensorFlow.js on {engine}"
    return str(Refusal(runtime, operation["op"], layer, why.rstrip("."), WAY_OUT))
