"""A SavedModel whose signatures promise all kinds of shapes, and the shapes that break the promise.

The networks have the layers of the product's models: convolutions, pooling, a recurrent loop.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.server.dataplane.runtime import tensorflow

Shape = tuple[int, ...]
ROWS = 2


@dataclass(frozen=True)
class Input:
    """An input of a signature: NumPy's type (object for strings) and shape."""

    dtype: type
    shape: Shape | None

    def array(self, shape: Shape) -> np.ndarray:
        """Returns an array of ones, or of texts, of any shape."""
        if self.dtype is object:
            return np.full(shape, b"Biscoe", object)
        return np.ones(shape, self.dtype)

    def good(self, rows: int = ROWS) -> np.ndarray:
        """Returns an array that the signature admits."""
        first, *others = (-1,) if self.shape is None else self.shape or (None,)
        if first != -1:
            return self.array(self.shape or ())
        return self.array((rows, *(4 if size == -1 else size for size in others)))


FLOAT = np.float32
SIGNATURES = {
    "serving_default": {"image": Input(FLOAT, (-1, 28, 28, 1))},
    "motions": {"motion": Input(FLOAT, (-1, 30, 6))},
    "recurrent": {"motion": Input(FLOAT, (-1, 30, 6))},
    "penguins": {
        "body_mass": Input(FLOAT, (-1,)),
        "depth": Input(FLOAT, (-1,)),
        "island": Input(object, (-1,)),
        "sex": Input(object, (-1,)),
    },
    "ranks": {
        "a": Input(FLOAT, (-1, 4)),
        "b": Input(np.int64, (-1,)),
        "c": Input(FLOAT, (-1, 2, 3)),
        "d": Input(FLOAT, (-1, -1)),
    },
    "column": {"x": Input(FLOAT, (-1, 1))},
    "fixed": {"factor": Input(FLOAT, ()), "table": Input(FLOAT, (3, 2))},
    "unbatched": {"a": Input(FLOAT, (-1,)), "b": Input(FLOAT, (-1,))},
    "anything": {"x": Input(FLOAT, None)},
}


def wrong_shapes(wanted: Shape | None) -> Iterator[Shape]:
    """Yields shapes of other ranks, of other sizes, and in another order; each once."""
    if wanted is None:
        return
    good = tuple(ROWS if size == -1 else size for size in wanted)
    total = int(np.prod(good))
    tried: list[Shape] = [(), (total,), (1, total), (ROWS, total // ROWS), (0,)]
    for place in range(len(good) + 1):
        tried += [(*good[:place], size, *good[place:]) for size in (1, 2)]
    for place, size in enumerate(good):
        tried.append(good[:place] + good[place + 1 :])
        if wanted[place] != -1:
            sizes = {0, 1, size - 1, size + 1, 2 * size, 97}
            tried += [(*good[:place], other, *good[place + 1 :]) for other in sorted(sizes)]
    tried += [*itertools.permutations(good), good[::-1]]
    for shape in dict.fromkeys(tried):
        if not admitted(wanted, shape):
            yield shape


def admitted(wanted: Shape, shape: Shape) -> bool:
    """Returns whether a server must take the shape; a plain list is taken for a column."""
    if wanted == (-1, 1) and len(shape) == 1:
        return True
    return len(wanted) == len(shape) and all(
        want in (-1, size) for want, size in zip(wanted, shape, strict=True)
    )


def write(path: Path) -> Path:
    """Writes a SavedModel with SIGNATURES, and with signatures for classify and regress."""
    tf = tensorflow()

    def spec(name: str, alias: str) -> object:
        one = SIGNATURES[name][alias]
        shape = one.shape and [None if size == -1 else size for size in one.shape]
        kind = tf.string if one.dtype is object else tf.as_dtype(one.dtype)
        return tf.TensorSpec([] if one.shape == () else shape, kind, alias)

    def takes(name: str) -> object:
        return tf.function(input_signature=[spec(name, alias) for alias in SIGNATURES[name]])

    picture = tf.function(input_signature=[tf.TensorSpec([None, 28, 28, 1], tf.float32, "inputs")])
    one_text = tf.function(input_signature=[tf.TensorSpec([1], tf.string, "inputs")])

    class Promises(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            chance = np.random.default_rng(1)

            def variable(*shape: int) -> object:
                return tf.Variable(chance.normal(size=shape).astype(np.float32) / 10)

            self.filters, self.bias = variable(3, 3, 1, 4), variable(4)
            self.deeper, self.dense = variable(3, 3, 4, 8), variable(7 * 7 * 8, 3)
            self.wave, self.motion_dense = variable(5, 6, 8), variable(8, 4)
            self.into, self.onward = variable(6, 8), variable(8, 8)

        def _scores(self, image: object) -> object:
            x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(image, self.filters, 1, "SAME"), self.bias))
            x = tf.nn.relu(tf.nn.conv2d(tf.nn.max_pool2d(x, 2, 2, "SAME"), self.deeper, 1, "SAME"))
            x = tf.nn.max_pool2d(x, 2, 2, "SAME")
            return tf.nn.softmax(tf.reshape(x, [-1, 7 * 7 * 8]) @ self.dense)

        @takes("serving_default")
        def image(self, image: object) -> dict[str, object]:
            return {"probabilities": self._scores(image)}

        @takes("motions")
        def motions(self, motion: object) -> dict[str, object]:
            x = tf.nn.relu(tf.nn.conv1d(motion, self.wave, 2, "SAME"))
            return {"probabilities": tf.nn.softmax(tf.reduce_mean(x, 1) @ self.motion_dense)}

        @takes("recurrent")
        def recurrent(self, motion: object) -> dict[str, object]:
            steps = tf.transpose(motion, [1, 0, 2])
            start = tf.zeros([tf.shape(motion)[0], 8])
            states = tf.scan(
                lambda state, x: tf.tanh(x @ self.into + state @ self.onward), steps, start
            )
            return {"probabilities": tf.nn.softmax(states[-1] @ self.motion_dense)}

        @takes("penguins")
        def penguins(
            self, body_mass: object, depth: object, island: object, sex: object
        ) -> dict[str, object]:
            texts = tf.strings.length(island) + tf.strings.length(sex)
            columns = [body_mass, depth, tf.cast(texts, tf.float32)]
            return {"probabilities": tf.nn.softmax(tf.stack(columns, 1))}

        @takes("ranks")
        def ranks(self, a: object, b: object, c: object, d: object) -> dict[str, object]:
            sums = tf.reduce_sum(a, 1) + tf.reduce_sum(c, [1, 2]) + tf.reduce_sum(d, 1)
            return {"y": sums + tf.cast(b, tf.float32)}

        @takes("column")
        def column(self, x: object) -> dict[str, object]:
            return {"y": x / 2.0 + 2.0}

        @takes("fixed")
        def fixed(self, factor: object, table: object) -> dict[str, object]:
            return {"y": factor * table}

        @takes("unbatched")
        def unbatched(self, a: object, b: object) -> dict[str, object]:
            return {"total": tf.reduce_sum(a) + tf.reduce_sum(b)}

        @takes("anything")
        def anything(self, x: object) -> dict[str, object]:
            return {"rank": tf.rank(x)}

        @picture
        def image_scores(self, inputs: object) -> dict[str, object]:
            return {"scores": self._scores(inputs)}

        @picture
        def image_value(self, inputs: object) -> dict[str, object]:
            return {"outputs": self._scores(inputs)[:, 0]}

        @one_text
        def one_scores(self, inputs: object) -> dict[str, object]:
            lengths = tf.cast(tf.strings.length(inputs), tf.float32)
            return {"scores": tf.stack([lengths, lengths], 1)}

        @one_text
        def one_value(self, inputs: object) -> dict[str, object]:
            return {"outputs": tf.cast(tf.strings.length(inputs), tf.float32)}

    promises = Promises()
    names = {name: name for name in SIGNATURES} | {"serving_default": "image"}
    for name in ("image_scores", "image_value", "one_scores", "one_value"):
        names[name] = name
    signatures = {name: getattr(promises, method) for name, method in names.items()}
    tf.saved_model.save(promises, str(path), signatures=signatures)
    return path
