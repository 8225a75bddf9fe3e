"""The reasons of the converter's real errors, with operator, layer and way out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mobile.conversion.conversion import ConversionError, Source
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
