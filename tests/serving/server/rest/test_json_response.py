"""Tensors printed as JSON."""

import json

import numpy as np
import pytest

from serving.server.dataplane.statuses import ServingError
from serving.server.dataplane.tensors import Array
from serving.server.rest import json_response
from serving.server.rest.json_request import Format


def strings(*values: bytes) -> Array:
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("outputs", "layout", "text"),
    [
        ({"y": np.array([2.5, 3.0], np.float32)}, Format.ROW, b'{"predictions":[2.5,3.0]}'),
        ({"y": np.array([[1], [2]], np.int64)}, Format.COLUMN, b'{"outputs":[[1],[2]]}'),
        ({"y": np.float32(1.5) + np.zeros((), np.float32)}, Format.COLUMN, b'{"outputs":1.5}'),
        ({"y": np.zeros((0, 2), np.float32)}, Format.ROW, b'{"predictions":[]}'),
        ({"y": np.array([True, False])}, Format.ROW, b'{"predictions":[true,false]}'),
        ({"y": np.array([0.1], np.float32)}, Format.ROW, b'{"predictions":[0.1]}'),
        ({"y": np.array([1.5], np.float16)}, Format.ROW, b'{"predictions":[1.5]}'),
        ({"y": np.array([np.nan, np.inf, -np.inf, 0.1], np.float32)}, Format.ROW,
         b'{"predictions":[NaN, Infinity, -Infinity, 0.1]}'),
        ({"y": strings(b"a\xc3\xa4")}, Format.ROW, '{"predictions":["aä"]}'.encode()),
        ({"y_bytes": strings(b"a")}, Format.ROW, b'{"predictions":[{"b64": "YQ=="}]}'),
        ({"y": strings(b"\xff")}, Format.ROW, b'{"predictions":["\xff"]}'),
        ({"a": np.array([1, 2]), "b": np.array([[1.0], [2.0]])}, Format.ROW,
         b'{"predictions":[{"a":1,"b":[1.0]},{"a":2,"b":[2.0]}]}'),
        ({"a": np.array([1, 2]), "b": strings(b"x", b"y")}, Format.COLUMN,
         b'{"outputs":{"a":[1,2],"b":["x", "y"]}}'),
        ({"a": np.array([1, 2]), "b": strings(b"x", b"y")}, Format.ROW,
         b'{"predictions":[{"a":1,"b":"x"},{"a":2,"b":"y"}]}'),
    ],
)  # fmt: skip
def test_text(outputs: dict[str, Array], layout: Format, text: bytes) -> None:
    assert json_response.predictions(outputs, layout) == text


def test_floats_read_back_as_they_were() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    text = json_response.predictions({"y": values}, Format.ROW)
    np.testing.assert_array_equal(np.array(json.loads(text)["predictions"], np.float32), values)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"y": np.array(1.0)}, "Tensor name: y has no shape information"),
        ({"x": np.zeros(2), "y": np.zeros(3)},
         "Tensor name: y has inconsistent batch size: 3 expecting: 2"),
        ({"y": np.zeros(1, np.complex64)},
         "Failed to write JSON value for tensor type: complex64"),
    ],
)  # fmt: skip
def test_what_has_no_row_form(outputs: dict[str, Array], message: str) -> None:
    with pytest.raises(ServingError, match=message):
        json_response.predictions(outputs, Format.ROW)


def test_error_text_is_escaped() -> None:
    assert json.loads(json_response.error('a "b"\n')) == {"error": 'a "b"\n'}
