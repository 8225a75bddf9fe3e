"""How a network is traced, so that one graph runs on every target.

Keras' own trace of a network may hold what some targets cannot run: a loop for each recurrent
layer, and arithmetic in half precision or in float64. It may also hold a bias that is added along
the wrong axis. The contexts here change that for as long as they last, and leave the network as it
was.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

# The most steps of one recurrent layer, and of all of a network's, that are written out one after
# another. Each adds 25 ms of processor time to the export, 5 ms to loading and 10 ms to the first
# answer; the answers after that take as long as a loop's or less.
LAYER_STEPS, NETWORK_STEPS = 64, 256
OTHER_FLOATS = ("float16", "bfloat16", "float64")


@contextmanager
def portable(network: Any) -> Iterator[None]:
    """Calls of the network are traced without loops where that is possible, and in float32.

    Biases of channels are added to the channels.

    Args:
        network: a Keras model, or a tf.Module that holds Keras models or layers, or none.
    """
    import keras

    layers = layers_of(network)
    recurrent = [layer for layer in layers if isinstance(layer, keras.layers.RNN)]
    # One loop left needs all that several need, so the long networks' layers get the same limit.
    steps = min(LAYER_STEPS, NETWORK_STEPS // max(len(recurrent), 1))
    with ExitStack() as changes:
        changes.enter_context(_sums_of_channels())
        for layer in layers:
            changes.enter_context(_in_float32(layer))
        for layer in recurrent:
            changes.enter_context(_unrolled(layer, steps))
        yield


def layers_of(network: Any) -> list[Any]:
    """Returns all Keras layers in a Keras model or a tf.Module, nested ones too."""
    import keras
    import tensorflow as tf

    parts = tf.train.TrackableView(network).descendants()
    outer = [part for part in parts if isinstance(part, keras.layers.Layer)]
    # TensorFlow does not look into the lists and dicts of a layer, and Keras not into a tf.Module.
    found = {
        id(inner): inner
        for layer in outer
        for inner in layer._flatten_layers()  # noqa: SLF001 - docs/private-parts.md
    }
    return list(found.values())


def loops_of(function: Any) -> list[str]:
    """Returns the names of the loops in a concrete function and in those that it calls."""
    graph = function.graph.as_graph_def()
    called = (node for each in graph.library.function for node in each.node_def)
    return [node.name for node in (*graph.node, *called) if node.op in {"While", "StatelessWhile"}]


@contextmanager
def _unrolled(layer: Any, most: int) -> Iterator[None]:
    """A recurrent layer's short loops are traced as one step after another.

    TensorFlow Lite cannot convert a loop over lists of tensors that was traced with an open batch,
    and cannot calibrate any. TensorFlow.js' converter disposes of tensors that such a loop keeps.
    Only the call knows the number of steps, so the layer is asked then.
    """
    inner_loop: Callable[..., Any] = layer.inner_loop
    chosen = layer.unroll

    def unrolled(sequences: Any, *arguments: Any, **options: Any) -> Any:
        steps = sequences.shape[1]
        if steps is not None and steps <= most:
            layer.unroll = True
            try:
                # Some cells work in a loop alone, as a list of one LSTMCell does in Keras 3.15.
                with suppress(Exception):
                    return inner_loop(sequences, *arguments, **options)
            finally:
                layer.unroll = chosen
        return inner_loop(sequences, *arguments, **options)

    layer.inner_loop = unrolled
    try:
        yield
    finally:
        del layer.inner_loop


@contextmanager
def _sums_of_channels() -> Iterator[None]:
    """Keras adds a tensor with one number per channel to the channels, wherever they are.

    Keras 3.15 makes a BiasAdd of such a sum and guesses the axis from the sizes. For 6 channels
    that come before 6 columns, it adds the bias to the columns. TensorFlow adds it to the channels
    nevertheless where it fuses the sum with a convolution; other runtimes do what the graph says.
    """
    from keras.src.backend.tensorflow import numpy as operations

    keras_add = operations.add

    def add(x: Any, bias: Any) -> Any:
        # Keras looks for a bias in the second place only.
        return keras_add(bias, x) if _is_misread(x, bias) else keras_add(x, bias)

    operations.add = add
    try:
        yield
    finally:
        operations.add = keras_add


def _is_misread(x: Any, bias: Any) -> bool:
    """Returns whether Keras would add the bias along another axis than its own."""
    sizes, of_bias = (tuple(getattr(each, "shape", ())) for each in (x, bias))
    lengths = dict(enumerate(of_bias, len(sizes) - len(of_bias)))
    axes = [axis for axis, length in lengths.items() if length != 1]
    if len(sizes) < 2 or len(axes) != 1:
        return False
    guessed = len(sizes) - 1 if sizes[-1] == lengths[axes[0]] else 1
    return axes != [guessed]


@contextmanager
def _in_float32(layer: Any) -> Iterator[None]:
    """A layer computes in float32 where its policy says float16, bfloat16 or float64.

    Devices and browsers compute in float32 whatever the model says, so this is the one precision in
    which all targets can give the same answer. Under a mixed policy the weights are float32
    anyway; others are cast when they are read.
    """
    import keras
    import tensorflow as tf

    policy = layer.dtype_policy
    if isinstance(policy, keras.dtype_policies.DTypePolicyMap) and layer.path:
        policy = policy[layer.path]
    if policy.compute_dtype not in OTHER_FLOATS:
        yield
        return
    # Such as the mean of a Normalization, which is not a variable.
    kept = {
        name: value
        for name, value in vars(layer).items()
        if isinstance(value, tf.Tensor) and value.dtype.name in OTHER_FLOATS
    }
    layer.dtype_policy = _float32(policy)
    for name, value in kept.items():
        setattr(layer, name, tf.cast(value, tf.float32))
    try:
        yield
    finally:
        layer.dtype_policy = policy
        for name, value in kept.items():
            setattr(layer, name, value)


def _float32(policy: Any) -> Any:
    """Returns the policy that computes in float32 with the same variables."""
    import keras

    class Float32(keras.DTypePolicy):  # type: ignore[misc]  # Keras has no types
        @property
        def variable_dtype(self) -> Any:
            return policy.variable_dtype

    if policy.quantization_mode:
        return f"{policy.quantization_mode}_from_float32"
    return Float32("float32")
