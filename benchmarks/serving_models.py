"""The SavedModels on which servers are compared: ``python -m benchmarks.serving_models FOLDER``.

Their weights are random: their answers do not matter here, only the time that they take.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.server.dataplane.runtime import tensorflow

SIZE = 28
CLASSES = 10
SLOW_CHANNELS = 128
SLOW_LAYERS = 6


def write_small(path: Path) -> None:
    """Writes a small model: two convolutions and a hidden layer, 224,800 parameters, no biases."""
    tf = tensorflow()
    first, second = _weights((3, 3, 1, 32)), _weights((3, 3, 32, 64))
    hidden, last = _weights((5 * 5 * 64, 128)), _weights((128, CLASSES))

    def network(x: Any) -> Any:
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, first, 1, "VALID")), 2, 2, "VALID")
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, second, 1, "VALID")), 2, 2, "VALID")
        return tf.nn.relu(tf.reshape(x, (-1, 5 * 5 * 64)) @ hidden) @ last

    _write(path, network, (first, second, hidden, last))


def write_slow(path: Path) -> None:
    """Writes a model that takes tens of milliseconds per picture."""
    tf = tensorflow()
    widen = _weights((3, 3, 1, SLOW_CHANNELS))
    layers = [_weights((3, 3, SLOW_CHANNELS, SLOW_CHANNELS)) for _ in range(SLOW_LAYERS)]
    last = _weights((SLOW_CHANNELS, CLASSES))

    def network(x: Any) -> Any:
        for kernel in (widen, *layers):
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME"))
        return tf.reduce_mean(x, (1, 2)) @ last

    _write(path, network, (widen, *layers, last))


def _weights(shape: tuple[int, ...]) -> Any:
    spread = np.sqrt(2 / np.prod(shape[:-1]))
    values = np.random.default_rng(len(shape)).normal(0, spread, shape)
    return tensorflow().Variable(values.astype(np.float32))


def _write(path: Path, network: Callable[[Any], Any], variables: Sequence[Any]) -> None:
    tf = tensorflow()
    module = tf.Module()
    module.weights = list(variables)

    @tf.function(input_signature=[tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32, "image")])  # type: ignore[untyped-decorator]
    def probabilities(image: Any) -> dict[str, Any]:
        return {"probabilities": tf.nn.softmax(network(image / 255.0))}

    module.probabilities = probabilities
    tf.saved_model.save(module, str(path), signatures={"serving_default": probabilities})


def write_warmup(path: Path, model: str, picture: Any) -> None:
    """Writes the request with which this project's server measures a model as it loads it."""
    from serving.server.dataplane import warmup

    warmup.write([warmup.request(model, {"image": picture})], path)


def main() -> int:
    folder = Path(sys.argv[1])
    picture = np.zeros((1, SIZE, SIZE, 1), np.float32)
    for name, write in (("small", write_small), ("slow", write_slow)):
        write(folder / name / "1")
        write_warmup(folder / name / "1", name, picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
