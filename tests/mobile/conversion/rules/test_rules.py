"""Each rule on a function that needs it: all of them in one file, run by both edge runtimes."""

import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from core.toolchain import EDGE_PYTHON, require
from mobile.checks.runtimes import RUNTIMES, EdgeRuntime, run
from mobile.conversion.rules.frozen_graph import FrozenGraph
from mobile.conversion.rules.rewriting import owner_of, rewritten
from mobile.conversion.rules.table import RULES, rules_for
from mobile.conversion.variants import VARIANTS

EXAMPLES = 6
RULE_NAMES = tuple(RULES)
# What TensorFlow Lite's converter takes as it is, but tflite-runtime then answers wrongly.
SILENT = ("box suppression", "matrix products", "softplus", "convolutions")
Functions = Mapping[str, Callable[[Mapping[str, Any]], Any]]


def examples() -> dict[str, Array]:
    random = np.random.default_rng(4)
    return {
        "numbers": random.normal(0, 60, (EXAMPLES, 4, 4)).astype(np.float32),
        "voxels": random.normal(-3, 1, (EXAMPLES, 5, 6, 5, 2)).astype(np.float32),
        "picture": random.random((EXAMPLES, 13, 5, 2), np.float32),
        "codes": random.integers(0, 9, (EXAMPLES, 3)),
        "doubles": random.normal(0, 1, (EXAMPLES, 3)),
    }


def functions() -> Functions:
    """Returns a function of the inputs for each rule, by the rule's name."""
    import keras
    import tensorflow as tf

    kernel = np.random.default_rng(7).normal(0, 1, (2, 2, 2, 3)).astype(np.float32)
    many = keras.layers.CategoryEncoding(9, "multi_hot")
    counts = keras.layers.CategoryEncoding(9, "count")
    places = keras.layers.IntegerLookup(vocabulary=[2, 3, 5, 7])

    def matrix_products(x: Mapping[str, Any]) -> Any:
        square = x["numbers"][0] / 60
        return tf.nn.relu(tf.matmul(tf.sin(square), tf.cos(square), transpose_a=True))[None]

    def erf(x: Mapping[str, Any]) -> Any:
        z = x["numbers"] / 60
        return tf.math.erf(z) + 2 * tf.math.erfc(0.3 * z) + tf.nn.gelu(z, approximate=False)

    def pooling_3d(x: Mapping[str, Any]) -> Any:
        highest = tf.nn.max_pool3d(x["voxels"], (2, 3, 2), (2, 1, 2), "SAME")
        return tf.nn.avg_pool3d(highest, (2, 2, 3), 1, "SAME")

    def convolutions(x: Mapping[str, Any]) -> Any:
        # Of 13 rows, the kernels read 0 and 1, 5 and 6, and 10 and 11.
        whole = tf.nn.conv2d(x["picture"], kernel, 5, "SAME")
        return whole + tf.nn.depthwise_conv2d(
            x["picture"][..., :1], kernel[:, :, :1], (1, 5, 5, 1), "SAME"
        )

    @tf.function(jit_compile=True)  # type: ignore[misc]  # TensorFlow has no types
    def channels_first(x: Mapping[str, Any]) -> Any:
        # TensorFlow cannot compute all of it on a processor unless it is compiled.
        turned = tf.transpose(x["picture"], (0, 3, 1, 2))
        convolved = tf.nn.conv2d(turned, kernel, 5, "SAME", data_format="NCHW")
        pooled = tf.nn.max_pool2d(convolved, (3, 1), 1, "VALID", data_format="NCHW")
        biased = tf.nn.bias_add(pooled, np.arange(3, dtype=np.float32), data_format="NCHW")
        voxels = tf.transpose(x["voxels"], (0, 4, 1, 2, 3))
        volume = tf.nn.conv3d(voxels, kernel[:, :1, None], (1, 1, 2, 3, 2), "VALID", "NCDHW")
        rows = tf.nn.conv1d(x["numbers"], np.tile(kernel[:, 0], (1, 2, 1)), 1, "SAME", "NCW")
        return tf.reduce_sum(biased, (2, 3)) + tf.reduce_sum(rows, 2) / tf.norm(volume)

    def float_types(x: Mapping[str, Any]) -> Any:
        half = tf.tanh(tf.cast(x["doubles"], tf.float16) * 0.5)
        return tf.sin(x["doubles"]) * 0.25 + tf.cast(half, tf.float64)

    def gradients(x: Mapping[str, Any]) -> Any:
        factor = x["numbers"] / 60

        @tf.custom_gradient  # type: ignore[misc]  # TensorFlow has no types
        def scaled(values: Any) -> Any:
            return values * factor, lambda upstream: upstream * factor

        return scaled(factor)

    def fourier(x: Mapping[str, Any]) -> Any:
        real, imaginary = x["numbers"], x["numbers"] * 0.3
        there = tf.signal.fft(tf.complex(tf.sin(real), imaginary))
        back = tf.signal.ifft(tf.complex(imaginary, real))
        short = tf.signal.rfft(real[..., :3], [3])
        return tf.math.real(there) - tf.math.imag(back) + tf.math.imag(short)[..., 1:]

    def box_suppression(x: Mapping[str, Any]) -> Any:
        # Points: no box covers another, so the three best are kept.
        corners = tf.concat([x["numbers"][..., :2]] * 2, -1)
        kept, _ = tf.image.non_max_suppression_padded(
            corners[0], x["numbers"][0, :, 2], 3, pad_to_max_output_size=True
        )
        return tf.reshape(kept, (1, 3)) + 1

    def resizing(x: Mapping[str, Any]) -> Any:
        return tf.image.resize(x["picture"], (4, 11), "bicubic") + tf.image.resize(
            x["picture"], (4, 11), "lanczos3", antialias=True
        )

    return {
        "gradients": gradients,
        "box suppression": box_suppression,
        "sign bits": lambda x: keras.ops.argmax(x["numbers"], axis=-1),
        "float types": float_types,
        "channels": channels_first,
        "matrix products": matrix_products,
        "softplus": lambda x: tf.math.softplus(x["numbers"]) + tf.math.log_sigmoid(x["numbers"]),
        "erf": erf,
        "3-D pooling": pooling_3d,
        "convolutions": convolutions,
        "bincount": lambda x: many(x["codes"]) + 2 * counts(x["codes"]),
        "resizing": resizing,
        "Fourier transforms": fourier,
        "look-ups": lambda x: places(x["codes"]),
        "one-hot codes": lambda x: (
            tf.one_hot(x["codes"] - 1, 3)
            + tf.one_hot(x["codes"], 3, on_value=4.0, off_value=-1.0, axis=1)
        ),
        "copies": lambda x: x["numbers"],
    }


def concrete(chosen: Functions) -> Any:
    """Returns a function of one example that answers with an output for each function."""
    import tensorflow as tf

    specs = {
        name: tf.TensorSpec((1, *values.shape[1:]), values.dtype, name=name)
        for name, values in examples().items()
    }

    def answers(**inputs: Any) -> Any:
        return {_alias(name): function(inputs) for name, function in chosen.items()}

    return tf.function(answers, autograph=False).get_concrete_function(**specs)


def answered(
    function: Any, runtimes: Iterable[EdgeRuntime], folder: Path
) -> list[dict[str, Array]]:
    """Returns what the runtimes answer to the examples with the converted function."""
    import tensorflow as tf

    owner = owner_of(function, tf.Module())
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], owner)
    VARIANTS["float32"].configure(converter)
    file = folder / "rules.tflite"
    file.write_bytes(converter.convert())
    for name, values in examples().items():
        np.save(folder / f"input.{name}.npy", values)
    answers = []
    for runtime in runtimes:
        (folder / runtime.module).mkdir()
        answers.append(run(runtime, file, folder, folder / runtime.module).outputs)
    return answers


def expected(function: Any) -> dict[str, Array]:
    import tensorflow as tf

    rows = [
        function(
            **{name: tf.constant(values[row : row + 1]) for name, values in examples().items()}
        )
        for row in range(EXAMPLES)
    ]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _alias(rule: str) -> str:
    return rule.replace(" ", "_").replace("-", "_")


@pytest.fixture(scope="module")
def function() -> Any:
    return concrete(functions())


@pytest.fixture(scope="module")
def truth(function: Any) -> dict[str, Array]:
    return expected(function)


@pytest.fixture(scope="module")
def rewritten_answers(
    function: Any, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Array]]:
    other = rewritten(function, rules_for(calibrated=True))
    return answered(other, RUNTIMES, tmp_path_factory.mktemp("rewritten"))


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_both_runtimes_compute_what_the_rule_rewrites(
    rule: str, rewritten_answers: list[dict[str, Array]], truth: dict[str, Array]
) -> None:
    # The SavedModel computes in float16 where the file computes in float32.
    tolerance = 1e-3 if rule == "float types" else 1e-5
    right = truth[_alias(rule)]
    for answers in rewritten_answers:
        found = answers[_alias(rule)]
        assert found.dtype == right.dtype
        np.testing.assert_allclose(found, right, rtol=0, atol=tolerance * np.abs(right).max())


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_a_rule_changes_what_it_is_for_and_nothing_twice(rule: str) -> None:
    graph = FrozenGraph.of(concrete({rule: functions()[rule]}))
    once = RULES[rule].apply(graph)
    assert once is not graph
    assert RULES[rule].apply(once) is once


def test_what_no_rule_is_for_stays_the_same_function() -> None:
    import tensorflow as tf

    plain = concrete({"plain": lambda x: tf.nn.gelu(x["numbers"], approximate=False)})
    assert rewritten(plain, rules_for(calibrated=True)) is plain


def test_each_silent_fault_is_still_there(truth: dict[str, Array], tmp_path: Path) -> None:
    """If this fails after an upgrade, the rule can go."""
    silent = concrete({name: functions()[name] for name in SILENT})
    (answers,) = answered(silent, RUNTIMES[:1], tmp_path)
    for name in SILENT:
        right, found = truth[_alias(name)], answers[_alias(name)]
        same = found.shape == right.shape and np.allclose(
            found, right, rtol=0, atol=0.01 * np.abs(right).max()
        )
        assert not same, name


def test_an_output_that_is_an_input_is_right_in_a_compiled_model(tmp_path: Path) -> None:
    function = concrete({"copies": functions()["copies"]})
    answered(rewritten(function, rules_for(calibrated=False)), (), tmp_path)
    script = """
import sys, numpy
from ai_edge_litert.compiled_model import CompiledModel
model = CompiledModel.from_file(sys.argv[1] + "/rules.tflite")
names = model.get_signature_list()["serving_default"]["inputs"]
inputs, outputs = model.create_input_buffers(0), model.create_output_buffers(0)
for name, buffer in zip(names, inputs):
    values = numpy.load(f"{sys.argv[1]}/input.{name}.npy")[:1]
    if values.dtype == numpy.float32:  # other inputs are not read
        buffer.write(values)
model.run_by_index(0, inputs, outputs)
numpy.save(sys.argv[1] + "/copied.npy", outputs[0].read(16, numpy.float32))
"""
    subprocess.run([require(EDGE_PYTHON), "-I", "-c", script, tmp_path], check=True, timeout=120)
    np.testing.assert_array_equal(
        np.load(tmp_path / "copied.npy"), examples()["numbers"][0].ravel()
    )
