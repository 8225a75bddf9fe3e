"""The copied numbers of TensorFlow's, TensorFlow Serving's and gRPC's messages are correct."""

import grpc
import numpy as np
import pytest

from serving.server.dataplane import protos, tensors
from serving.server.dataplane.statuses import Code
from serving.server.dataplane.tensors import DT_BFLOAT16, DT_STRING, numpy_type, type_name
from serving.server.dataplane.versions import State

NUMBERS = [number for number, _, _ in tensors._TYPES]


@pytest.mark.parametrize("number", [*NUMBERS, DT_BFLOAT16])
def test_element_types_have_tensorflows_numbers_and_names(number: int) -> None:
    import tensorflow as tf

    theirs = tf.dtypes.as_dtype(number)
    # TensorFlow says float32 and float64 where its messages say DT_FLOAT and DT_DOUBLE.
    names = {"float": "float32", "double": "float64", "half": "float16"}
    assert names.get(type_name(number), type_name(number)) == theirs.name
    if number != DT_BFLOAT16:
        assert numpy_type(number) == np.dtype(theirs.as_numpy_dtype)
    assert tensors.type_number(np.dtype(theirs.as_numpy_dtype)) == number


@pytest.mark.parametrize("number", NUMBERS)
def test_values_stand_where_tensorflow_looks_for_them(number: int) -> None:
    import tensorflow as tf

    values = [b"a", b"b"] if number == DT_STRING else [1, 0]
    array = np.array(values, numpy_type(number))
    proto = tf.make_tensor_proto(array)
    assert np.array_equal(protos.to_array(proto), array)
    ours = type(proto)()
    protos.to_proto(array, ours)
    assert np.array_equal(tf.make_ndarray(ours), array)


def test_statuses_have_grpcs_numbers() -> None:
    theirs = {code.name: code.value[0] for code in grpc.StatusCode}
    assert {code.name: code.value for code in Code} == theirs


def test_states_have_tensorflow_servings_numbers() -> None:
    from tensorflow_serving.apis import get_model_status_pb2

    theirs = dict(get_model_status_pb2.ModelVersionStatus.State.items())
    assert {state.name: state.value for state in State} == theirs
