"""The reasons of the converter's real errors, with operator, layer and way out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobile.checks.runtimes import RUNTIMES, run
from mobile.conversion.conversion import ConversionError, Source
from mobile.conversion.model_file import read
from mobile.conversion.refusals import in_words
from mobile.conversion.variants import VARIANTS
from models.spec import ModelSpec, Tensor


@pytest.fixture
def refusal() -> Any:
    """The converter's error for two operators that TensorFlow Lite lacks."""
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)])
        def predict(self, x: Any) -> Any:
            return tf.raw_ops.Betainc(a=x, b=x, x=x) + tf.raw_ops.Igamma(a=x, x=x)

    module = Module()
    function = module.predict.get_concrete_function()
    with pytest.raises(ConverterError) as caught:
        tf.lite.TFLiteConverter.from_concrete_functions([function], module).convert()
    return caught.value


def test_operators_are_named_by_the_errors_data(refusal: Any) -> None:
    refusal.args = ("other words",)
    assert in_words(refusal).startswith("TensorFlow Lite cannot run Betainc, Igamma: ")


def test_operators_are_named_by_the_errors_words(refusal: Any) -> None:
    refusal.errors.clear()
    refusal.args = ("error: 'tf.Betainc' op is neither a custom op nor a flex op",)
    assert in_words(refusal).startswith("TensorFlow Lite cannot run Betainc: ")
    refusal.args = ("something else\nin detail",)
    assert in_words(refusal) == "TensorFlow Lite's converter failed: something else"


def recurrent() -> Any:
    import keras

    return keras.layers.LSTM(3, name="reader")


def quantised() -> Any:
    import keras

    layer = keras.layers.Dense(3, name="weighed")
    layer.build((None, 5, 4))
    layer.quantize("int8")
    return layer


# NumPy 2 warns about TensorFlow's variables whenever Keras quantises one.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize(
    ("layer", "found", "way_out"),
    [
        (recurrent, "TensorListReserve of layer 'reader'", "give the .keras file instead"),
        (quantised, "fully_connected of layer 'weighed'", "the model as it was before quantize()"),
    ],
)
def test_a_saved_model_from_elsewhere_gets_cause_layer_and_way_out(
    layer: Callable[[], Any], found: str, way_out: str, tmp_path: Path
) -> None:
    import keras

    model = keras.Sequential([keras.Input((5, 4), name="x"), layer()], name="theirs")
    model.export(tmp_path, verbose=False)
    outputs = (Tensor("output_0", "float32", tuple(model.output_shape[1:]), ""),)
    inputs = (Tensor("x", "float32", (5, 4), ""),)
    source = Source(tmp_path, ModelSpec("", "", "", inputs, outputs, (), {}, {}))
    with pytest.raises(ConversionError) as caught:
        source.convert(VARIANTS["float32"], {})
    assert str(caught.value).startswith(f"TensorFlow Lite cannot run {found}: ")
    assert way_out in str(caught.value)
    assert "Const" not in str(caught.value)


@pytest.mark.parametrize("shape", [(), (2,)], ids=["one text", "two texts"])
def test_one_text_per_input_can_be_calibrated(shape: tuple[int, ...], tmp_path: Path) -> None:
    """The file's tables stay, and eight bits hold the rows that the texts stand for."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    known = ["ant", "beetle", "caterpillar"]
    words = keras.Input(shape, name="x", dtype="string")
    places = keras.layers.StringLookup(vocabulary=known, name="words")(words)
    rows = np.array([[0, 0, 0], [9, 1, 1], [1, 9, 1], [1, 1, 9]], np.float32)
    values = keras.layers.Embedding(4, 3, weights=[rows])(places)
    values = keras.layers.Dense(3, "log_softmax")(values)
    model = keras.Model(words, values, name="theirs")
    model.export(tmp_path / "saved_model", verbose=False)
    outputs = (Tensor("output_0", "float32", (*shape, 3), ""),)
    inputs = (Tensor("x", "string", shape, ""),)
    source = Source(tmp_path / "saved_model", ModelSpec("", "", "", inputs, outputs, (), {}, {}))
    texts = np.random.default_rng(6).choice(known, (24, *shape))
    if shape:
        with pytest.raises(ConversionError, match=r"the input 'x' of layer 'words': in eight bits"):
            source.convert(VARIANTS["int8"], {"x": texts})
        return
    file = tmp_path / "int8.tflite"
    file.write_bytes(source.convert(VARIANTS["int8"], {"x": texts}))
    assert "FULLY_CONNECTED" not in read(file).float_operators
    np.save(tmp_path / "input.x.npy", texts)
    right = model(tf.constant(texts)).numpy()
    for runtime in RUNTIMES:
        (tmp_path / runtime.module).mkdir()
        answers = run(runtime, file, tmp_path, tmp_path / runtime.module).outputs["output_0"]
        assert np.abs(answers - right).max() < 0.05 * np.abs(right).max()
