"""The quick reader: the same tensors as the general way, or none at all."""

import json

import numpy as np
import pytest

from serving.server.dataplane.tensors import Array, Signature, TensorInfo
from serving.server.rest import json_fast, json_request, json_text

FLOAT, UINT8 = 1, 4


def signature(dtype: int = FLOAT, shape: tuple[int, ...] = (-1, 2, 2)) -> Signature:
    tensor = TensorInfo("t:0", dtype, shape)
    return Signature("serving_default", "", {"x": tensor}, {"y": tensor})


def quick(body: bytes, of: Signature) -> Array | None:
    found = json_fast.scan(body)
    tensors = json_fast.read(found, of) if found else None
    return None if tensors is None else tensors["x"]


VALUES = [[[1, 2.5], [-3e2, 4]], [[5, 6], [7, 8]]]


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"instances": VALUES}),
        json.dumps({"inputs": VALUES}),
        json.dumps({"inputs": {"x": VALUES}}),
        json.dumps({"signature_name": "serving_default", "instances": VALUES}),
        json.dumps({"instances": VALUES, "signature_name": "serving_default"}),
        json.dumps({"instances": VALUES}, indent=2),
    ],
)
def test_same_as_the_general_way(body: str) -> None:
    raw = body.encode()
    of = signature()
    fast = quick(raw, of)
    _, general = json_request.tensors(json_text.parse_object(raw), of.inputs, body=raw)
    assert fast is not None
    assert fast.dtype == general["x"].dtype
    np.testing.assert_array_equal(fast, general["x"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"instances": [[[1, 2], [3, 4]], [[5, 6], [7]]]}',
        b'{"instances": [[[1, 2], [3, 4, 5]]]}',
        b'{"instances": [[[1, 2], [3, "4"]]]}',
        b'{"instances": [[[1, 2], [3, true]]]}',
        b'{"instances": [[[1, 2], [3, null]]]}',
        b'{"instances": [[[1, 2], [3, NaN]]]}',
        b'{"instances": [[[1, 2], [3, 01]]]}',
        b'{"instances": [[[1, 2], [3, +1]]]}',
        b'{"instances": [[[1, 2], [3, .5]]]}',
        b'{"instances": [[[1, 2], [3, ]]]}',
        b'{"instances": [[[1, 2], [3, 1 1]]]}',
        b'{"instances": [[1, 2], [3, 4]]}',
        b'{"instances": []}',
        b'{"instances": [[[1, 2], [3, 4]]]',
        b'{"instances": [[[1, 2], [3, 4]]]} more',
        b'{"instances": [[[1, 2], [3, 4]]], "inputs": [1]}',
        b'{"inputs": {"other": [[[1, 2], [3, 4]]]}}',
        b'{"inputs": {"x": [[[1, 2], [3, 4]]], "z": [1]}}',
        b'{"instances": {"x": [[[1, 2], [3, 4]]]}}',
        b'{"instances": [{"x": [[1, 2], [3, 4]]}]}',
        b'{"signature_name": "a", "instances": [[[1, 2], [3, 4]]], "signature_name": "b"}',
        b"",
        b"]",
    ],
)
def test_anything_else_is_left_alone(body: bytes) -> None:
    assert quick(body, signature()) is None


def test_range_of_small_integers() -> None:
    assert quick(b'{"instances": [[0, 255]]}', signature(UINT8, (-1, 2))) is not None
    assert quick(b'{"instances": [[0, 256]]}', signature(UINT8, (-1, 2))) is None
    assert quick(b'{"instances": [[0, 1.0]]}', signature(UINT8, (-1, 2))) is None


def test_open_inner_dimensions_are_left_alone() -> None:
    assert quick(b'{"instances": [[1, 2]]}', signature(FLOAT, (-1, -1))) is None
    assert quick(b'{"instances": [1, 2]}', signature(FLOAT, (2,))) is None


def test_one_value_an_example() -> None:
    found = quick(b'{"instances": [1, 2]}', signature(FLOAT, (-1,)))
    assert found is not None and found.tolist() == [1.0, 2.0]
