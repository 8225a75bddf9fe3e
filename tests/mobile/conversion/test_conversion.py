"""The names of missing operators, read from a real error of the converter."""

from typing import Any

import pytest

from mobile.conversion.conversion import UnsupportedOperatorError, _in_words


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
    found = _in_words(refusal)
    assert isinstance(found, UnsupportedOperatorError), found
    assert found.operators == ["Betainc", "Igamma"]


def test_operators_are_named_by_the_errors_words(refusal: Any) -> None:
    refusal.errors.clear()
    found = _in_words(refusal)
    assert isinstance(found, UnsupportedOperatorError), found
    assert found.operators == ["Betainc", "Igamma"]
