"""Small SavedModels, written by the tests' own hands."""

from pathlib import Path

import numpy as np

from serving.server.dataplane.runtime import tensorflow

FEATURES = ("x",)


def write_half_plus(path: Path, *, plus: float = 2.0) -> Path:
    """Writes a TF1 SavedModel of x/2 + plus with predict, regress and classify signatures."""
    tf = tensorflow()
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        half = v1.Variable(0.5, name="half")
        added = v1.Variable(plus, name="added")
        serialized = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = v1.io.parse_example(
            serialized, {"x": tf.io.FixedLenFeature([1], tf.float32, default_value=[0.0])}
        )
        x = tf.identity(parsed["x"], name="x")
        y = tf.identity(half * x + added, name="y")
        labels = tf.fill([tf.shape(x)[0], 1], "y")
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        build = v1.saved_model.build_signature_def
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            signature_def_map={
                "serving_default": build(
                    {"x": info(x)}, {"y": info(y)}, "tensorflow/serving/predict"
                ),
                "regress_x_to_y": build(
                    {"inputs": info(serialized)},
                    {"outputs": info(y)},
                    "tensorflow/serving/regress",
                ),
                "classify_x_to_y": build(
                    {"inputs": info(serialized)},
                    {"classes": info(labels), "scores": info(y)},
                    "tensorflow/serving/classify",
                ),
            },
        )
        builder.save()
    return path


def write_types(path: Path) -> Path:
    """Writes a SavedModel that echoes inputs of several types, one signature for each use."""
    tf = tensorflow()

    class Echo(tf.Module):  # type: ignore[misc]
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 2], tf.float32, "a"),
                tf.TensorSpec([None], tf.int32, "b"),
            ]
        )
        def two(self, a: object, b: object) -> dict[str, object]:
            return {"sum": tf.reduce_sum(a, axis=1), "twice": b * 2}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text_bytes")])
        def text(self, text_bytes: object) -> dict[str, object]:
            return {"plain": text_bytes, "raw_bytes": text_bytes}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float16, "h")])
        def half(self, h: object) -> dict[str, object]:
            return {"h": h}

        @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32, "x")])
        def square(self, x: object) -> dict[str, object]:
            return {"y": tf.square(x)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def scalar(self, x: object) -> dict[str, object]:
            return {"total": tf.reduce_sum(x)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.bool, "flag")])
        def flags(self, flag: object) -> dict[str, object]:
            return {"inverse": tf.logical_not(flag)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.uint8, "x")])
        def small(self, x: object) -> dict[str, object]:
            return {"y": x}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, "x")])
        def long(self, x: object) -> dict[str, object]:
            return {"y": x}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
        def uneven(self, x: object) -> dict[str, object]:
            return {"one": x, "two": tf.concat([x, x], 0)}

    echo = Echo()
    names = ("two", "text", "half", "scalar", "flags", "small", "long", "uneven")
    signatures = {name: getattr(echo, name) for name in names}
    tf.saved_model.save(echo, str(path), signatures={**signatures, "serving_default": echo.square})
    return path


def write_native(path: Path) -> Path:
    """Writes a TF2 SavedModel to classify and regress with: its method names are predict's."""
    tf = tensorflow()

    class Native(tf.Module):  # type: ignore[misc]
        def _x(self, inputs: object) -> object:
            return tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([1], tf.float32)})["x"]

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
        def double(self, inputs: object) -> dict[str, object]:
            return {"outputs": 2.0 * self._x(inputs)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
        def score(self, inputs: object) -> dict[str, object]:
            x = self._x(inputs)
            return {"scores": tf.concat([x, -x], axis=1)}

    native = Native()
    signatures = {"double": native.double, "score": native.score}
    tf.saved_model.save(native, str(path), signatures=signatures)
    return path


def write_classifier(path: Path, *, weights: np.ndarray, upside_down: bool = False) -> Path:
    """Writes a SavedModel that answers softmax(image · weights) for square grey images.

    It takes encoded pictures and tf.Examples too; turned upside down, if that is asked for.
    """
    tf = tensorflow()
    side = round(len(weights) ** 0.5)

    class Classifier(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.weights = tf.Variable(weights.astype(np.float32))

        @tf.function(input_signature=[tf.TensorSpec([None, side, side, 1], tf.float32, "image")])
        def probabilities(self, image: object) -> dict[str, object]:
            flat = tf.reshape(image / 255.0, [-1, side * side])
            return {"probabilities": tf.nn.softmax(flat @ self.weights)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
        def encoded(self, image_bytes: object) -> object:
            def decode(file: object) -> object:
                picture = tf.ensure_shape(tf.io.decode_png(file, channels=1), (side, side, 1))
                return picture[::-1] if upside_down else picture

            pixels = tf.map_fn(decode, image_bytes, fn_output_signature=tf.uint8)
            return self.probabilities(tf.cast(pixels, tf.float32))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
        def parsed(self, examples: object) -> object:
            features = {"image": tf.io.FixedLenFeature([], tf.string)}
            return self.encoded(tf.io.parse_example(examples, features)["image"])

    classifier = Classifier()
    signatures = {
        "serving_default": classifier.probabilities,
        "serving_bytes": classifier.encoded,
        "serving_examples": classifier.parsed,
    }
    tf.saved_model.save(classifier, str(path), signatures=signatures)
    return path
