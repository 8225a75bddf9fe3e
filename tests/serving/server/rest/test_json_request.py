"""Requests in row and column format: tensors, and the texts of errors."""

import json

import numpy as np
import pytest

from serving.server.dataplane.statuses import Code, ServingError
from serving.server.dataplane.tensors import TensorInfo, Tensors
from serving.server.rest import json_request, json_text
from serving.server.rest.json_request import Format

FLOAT, INT32, UINT8, STRING, INT64, BOOL, HALF, UINT64 = 1, 3, 4, 7, 9, 10, 19, 23


def info(dtype: int) -> TensorInfo:
    return TensorInfo("t:0", dtype, None)


def read(body: str | bytes, **types: int) -> tuple[Format, Tensors]:
    raw = body.encode() if isinstance(body, str) else body
    infos = {alias: info(dtype) for alias, dtype in sorted(types.items())}
    return json_request.tensors(json_text.parse_object(raw), infos, body=raw)


def refusal(body: str, **types: int) -> ServingError:
    with pytest.raises(ServingError) as caught:
        read(body, **types)
    return caught.value


@pytest.mark.parametrize(
    ("body", "dtype", "expected"),
    [
        ('{"instances": [1.0, 2]}', FLOAT, [1.0, 2.0]),
        ('{"instances": [[1, 2], [3, 4]]}', INT32, [[1, 2], [3, 4]]),
        ('{"instances": [1e40, -1e40]}', FLOAT, [np.inf, -np.inf]),
        ('{"instances": [NaN, Infinity, -Infinity]}', FLOAT, [np.nan, np.inf, -np.inf]),
        ('{"instances": [true, false]}', BOOL, [True, False]),
        ('{"instances": [9223372036854775807]}', INT64, [9223372036854775807]),
        ('{"instances": [18446744073709551615]}', UINT64, [18446744073709551615]),
        ('{"instances": ["a", {"b64": "Yg=="}]}', STRING, [b"a", b"b"]),
        ('{"instances": [{"x": 1.5}, {"x": 2.5}]}', FLOAT, [1.5, 2.5]),
        ('{"instances": [[], []]}', FLOAT, [[], []]),
        ('{"inputs": 5.0}', FLOAT, 5.0),
        ('{"inputs": {"x": [1.0]}}', FLOAT, [1.0]),
        ('{"inputs": {"x": [1.0], "ignored": "y"}}', FLOAT, [1.0]),
        ('{"inputs": {"b64": "YQ=="}}', STRING, b"a"),
        ('{"instances": [255, 0]}', UINT8, [255, 0]),
        ('{"instances": [1.0]} trailing words', FLOAT, [1.0]),
    ],
)
def test_one_input(body: str, dtype: int, expected: object) -> None:
    _, tensors = read(body, x=dtype)
    np.testing.assert_array_equal(tensors["x"], np.array(expected, tensors["x"].dtype))


def test_layouts() -> None:
    assert read('{"instances": [1]}', x=FLOAT)[0] is Format.ROW
    assert read('{"inputs": [1]}', x=FLOAT)[0] is Format.COLUMN


def test_several_inputs_by_row_and_column() -> None:
    _, rows = read('{"instances": [{"a": [1, 2], "b": "u"}, {"b": "v", "a": [3, 4]}]}',
                   a=INT32, b=STRING)  # fmt: skip
    _, columns = read('{"inputs": {"a": [[1, 2], [3, 4]], "b": ["u", "v"]}}', a=INT32, b=STRING)
    for tensors in (rows, columns):
        assert tensors["a"].tolist() == [[1, 2], [3, 4]]
        assert tensors["b"].tolist() == [b"u", b"v"]


NESTED = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: {}"


@pytest.mark.parametrize(
    ("body", "types", "message"),
    [
        ("{}", {"x": FLOAT}, "Missing 'inputs' or 'instances' key"),
        ('{"instances": 1}', {"x": FLOAT},
         'JSON Value: {"instances": 1} Expecting \'instances\' to be an list/array'),
        ('{"instances": []}', {"x": FLOAT},
         'JSON Value: {"instances": []} No values in \'instances\' array'),
        ('{"instances": ["x"]}', {"x": FLOAT},
         NESTED.format(0, 'JSON Value: "x" Type: String is not of expected type: float')),
        ('{"instances": [1.0, true]}', {"x": FLOAT},
         NESTED.format(1, "JSON Value: true Type: True is not of expected type: float")),
        ('{"instances": [1.5]}', {"x": INT32},
         NESTED.format(0, "JSON Value: 1.5 Type: Number is not of expected type: int32")),
        ('{"instances": [2147483648]}', {"x": INT32},
         NESTED.format(0, "JSON Value: 2147483648 Type: Number is not of expected type: int32")),
        ('{"instances": [1]}', {"x": STRING},
         NESTED.format(0, "JSON Value: 1 Type: Number is not of expected type: string")),
        ('{"instances": [null]}', {"x": FLOAT},
         NESTED.format(0, "JSON Value: null Type: Null is not of expected type: float")),
        ('{"instances": [[1, 2], [1]]}', {"x": FLOAT},
         NESTED.format(1, "Expecting tensor size: 2 but got: 1")),
        ('{"instances": [[[1, 2]], [[1], [2]]]}', {"x": FLOAT},
         NESTED.format(1, "Expecting shape [1,2] but got: [2,1]")),
        ('{"instances": [[1, [2]]]}', {"x": FLOAT},
         NESTED.format(0, "Encountered list at unexpected level: 1 expected < 1")),
        ('{"instances": [[[1], 2]]}', {"x": FLOAT},
         NESTED.format(0, "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. "
                       "Expected at level: 2")),
        ('{"instances": [[[1, 2], [3]]]}', {"x": FLOAT},
         NESTED.format(0, "Encountered list at unexpected size: 1 at level: 1 expected size: 2")),
        ('{"instances": [{"b64": "%%"}]}', {"x": STRING},
         NESTED.format(0, "Unable to base64 decode")),
        ('{"instances": [{"x": 1}, 2]}', {"x": FLOAT},
         "Expecting object but got list at item 1 of input list"),
        ('{"instances": [1, {"x": 2}]}', {"x": FLOAT},
         "Expecting value/list but got object at item 1 of input list"),
        ('{"instances": [{"a": 1}]}', {"a": FLOAT, "b": FLOAT},
         "Failed to process element: 0 of 'instances' list. JSON object: {\"a\": 1} "
         "keys must be equal to: a,b"),
        ('{"instances": [1]}', {"a": FLOAT, "b": FLOAT},
         "instances is a plain list, but expecting list of objects as multiple input tensors "
         "required as per tensorinfo_map"),
        ('{"inputs": [1]}', {"a": FLOAT, "b": FLOAT},
         "inputs is a plain value/list, but expecting an object as multiple input tensors "
         "required as per tensorinfo_map"),
        ('{"inputs": {"b": 1}}', {"a": FLOAT, "b": FLOAT},
         "Missing named input: a in 'inputs' object."),
    ],
)  # fmt: skip
def test_refusals(body: str, types: dict[str, int], message: str) -> None:
    error = refusal(body, **types)
    assert error.code is Code.INVALID_ARGUMENT
    assert error.message == message


def test_both_layouts_at_once() -> None:
    assert (
        "expecting only one of 'inputs' or 'instances'"
        in refusal('{"inputs": 1, "instances": [1]}', x=FLOAT).message
    )


def test_type_without_a_json_form() -> None:
    error = refusal('{"inputs": [1.5]}', x=HALF)
    assert error.code is Code.UNIMPLEMENTED
    assert error.message == "Conversion of JSON Value: 1.5 to type: half"


def test_signature_name_must_be_text() -> None:
    with pytest.raises(ServingError, match="'signature_name' key must be a string value"):
        json_request.signature_name({"signature_name": 5})
    assert json_request.signature_name({"signature_name": "s"}) == "s"
    assert json_request.signature_name({}) == ""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"  ", "JSON Parse error: The document is empty. at offset: 2"),
        (b"{x", "JSON Parse error: Missing a name for object member. at offset: 1"),
        (b'{"a" 1}',
         "JSON Parse error: Missing a colon after a name of object member. at offset: 5"),
        (b'{"a": [1 2]}',
         "JSON Parse error: Missing a comma or ] after an array element. at offset: 9"),
        (b'{"a": 1 "b"}',
         "JSON Parse error: Missing a comma or } after an object member. at offset: 8"),
        (b'{"a": "', "JSON Parse error: Missing a closing quotation mark in string. at offset: 6"),
        (b"\xff", "JSON Parse error: Invalid encoding in string. at offset: 0"),
        (b"[1]", "JSON Value: [1] Is not object"),
        (b"hello", "JSON Parse error: Invalid value. at offset: 0"),
    ],
)  # fmt: skip
def test_text_that_is_no_object(body: bytes, message: str) -> None:
    with pytest.raises(ServingError) as caught:
        json_text.parse_object(body)
    assert caught.value.message == message


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(ServingError, match="JSON Parse error"):
        json_text.parse_object(b'{"a":' + b"[" * 200_000)


def test_long_values_are_cut_in_errors() -> None:
    error = refusal(json.dumps({"instances": ["x" * 10_000]}), x=FLOAT)
    assert len(error.message) < 600
