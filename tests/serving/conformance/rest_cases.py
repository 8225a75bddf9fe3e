"""What a client of TensorFlow Serving's REST API sends, and what it must get.

Each case: a name, the request line, the body, the status, and the JSON of the answer. A text as
answer is the beginning of the error's message; None is an empty body.
"""

import base64
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    name: str
    request: str
    body: str | bytes
    status: int
    answer: Any
    headers: tuple[tuple[str, str], ...] = ()


HALF = "POST /v1/models/half:predict"
TYPES = "POST /v1/models/types:predict"
OK = {"error_code": "OK", "error_message": ""}
V123 = {"version": "123", "state": "AVAILABLE", "status": OK}
V124 = {"version": "124", "state": "AVAILABLE", "status": OK}


def malformed(request: str) -> Case:
    return Case(f"malformed {request}", request, "", 400, f"Malformed request: {request}")


def nested(text: str, item: int = 0) -> str:
    return f"Failed to process element: {item} of 'instances' list. Error: INVALID_ARGUMENT: {text}"


def wrong_shape(alias: str, got: str, wanted: str) -> str:
    return f"input tensor alias {alias} has shape [{got}], expected [{wanted}]"


URLS = [
    Case("latest version", HALF, '{"instances": [1.0]}', 200, {"predictions": [3.5]}),
    Case("version", "POST /v1/models/half/versions/123:predict", '{"instances": [1.0]}', 200,
         {"predictions": [2.5]}),
    Case("version with zeros", "POST /v1/models/half/versions/000124:predict",
         '{"instances": [1.0]}', 200, {"predictions": [3.5]}),
    Case("label", "POST /v1/models/half/labels/stable:predict", '{"instances": [1.0]}', 200,
         {"predictions": [2.5]}),
    Case("encoded label", "POST /v1/models/half/labels/a%2Fb:predict", '{"instances": [1.0]}',
         200, {"predictions": [3.5]}),
    Case("encoded name", "POST /v1/models/odd%3Aname:predict", '{"instances": [1.0]}', 200,
         {"predictions": [2.5]}),
    Case("upper case", "POST /V1/MODELS/half:PREDICT", '{"instances": [1.0]}', 200,
         {"predictions": [3.5]}),
    Case("query is ignored", "POST /v1/models/half:predict?x=y", '{"instances": [1.0]}', 200,
         {"predictions": [3.5]}),
    Case("model names keep their case", "POST /v1/models/HALF:predict", "{}", 404,
         "Servable not found for request: Latest(HALF)"),
    Case("unknown model", "POST /v1/models/no:predict", '{"instances": [1]}', 404,
         "Servable not found for request: Latest(no)"),
    Case("unknown version", "POST /v1/models/half/versions/50:predict", '{"instances": [1]}', 404,
         "Servable not found for request: Specific(half, 50)"),
    Case("unknown label", "POST /v1/models/half/labels/no:predict", '{"instances": [1]}', 400,
         "Unrecognized servable version label: no"),
    Case("huge version", "POST /v1/models/half/versions/18446744073709551615:predict", "{}", 400,
         None),
    Case("JSON comes before the model", "POST /v1/models/no:predict", "", 400,
         "JSON Parse error: The document is empty"),
    malformed("GET /v1/foo"),
    malformed("GET /v1/"),
    malformed("POST /v1/models"),
    malformed("POST /v1/models/half"),
    malformed("POST /v1/models/half:explain"),
    malformed("POST /v1/models/half/metadata"),
    malformed("POST /v1/models/half/version/1:predict"),
    malformed("POST /v1/models/half/label/x:predict"),
    malformed("POST /v1/models/half/versions/x:predict"),
    malformed("POST /v1/models/half/versions/1/labels/x:predict"),
    malformed("GET /v1/models/half:predict"),
    malformed("GET /v1/models/half/versions/-1"),
    malformed("PUT /v1/models/half:predict"),
    malformed("DELETE /v1/models/half"),
]  # fmt: skip

DESCRIPTIONS = [
    Case("status of all versions", "GET /v1/models/half", "", 200,
         {"model_version_status": [V124, V123]}),
    Case("status of one version", "GET /v1/models/half/versions/123", "", 200,
         {"model_version_status": [V123]}),
    Case("status by label", "GET /v1/models/half/labels/stable", "", 200,
         {"model_version_status": [V123]}),
    Case("status of no model", "GET /v1/models", "", 400, "Missing model name in request."),
    Case("status of an unknown model", "GET /v1/models/no", "", 404,
         "Could not find any versions of model no"),
    Case("status of an unknown version", "GET /v1/models/half/versions/9", "", 404,
         "Could not find version 9 of model half"),
    Case("status of an unknown label", "GET /v1/models/half/labels/no", "", 400,
         "Unrecognized servable version label: no"),
    Case("metadata of an unknown model", "GET /v1/models/no/metadata", "", 404,
         "Servable not found for request: Latest(no)"),
    Case("metadata of an unknown version", "GET /v1/models/half/versions/9/metadata", "", 404,
         "Servable not found for request: Specific(half, 9)"),
    Case("status with a huge version", "GET /v1/models/half/versions/9223372036854775808", "",
         400, None),
]  # fmt: skip

PREDICTIONS = [
    Case("two instances", HALF, '{"instances": [1.0, 2.0]}', 200, {"predictions": [3.5, 4.0]}),
    Case("column", HALF, '{"inputs": [3.0, 4.0]}', 200, {"outputs": [4.5, 5.0]}),
    Case("matrix", HALF, '{"instances": [[1], [2]]}', 200, {"predictions": [[3.5], [4.0]]}),
    Case("matrix column", HALF, '{"inputs": [[1], [2]]}', 200, {"outputs": [[3.5], [4.0]]}),
    Case("named", HALF, '{"instances": [{"x": 1.0}, {"x": 2.0}]}', 200,
         {"predictions": [3.5, 4.0]}),
    Case("named column", HALF, '{"inputs": {"x": [1.0]}}', 200, {"outputs": [3.5]}),
    Case("empty column", HALF, '{"inputs": []}', 200, {"outputs": []}),
    Case("further keys in a column are ignored", HALF, '{"inputs": {"x": [1.0], "q": 1}}', 200,
         {"outputs": [3.5]}),
    Case("further keys are ignored", HALF, '{"instances": [1.0], "q": 1}', 200,
         {"predictions": [3.5]}),
    Case("text after the object is ignored", HALF, '{"instances": [1.0]} and more', 200,
         {"predictions": [3.5]}),
    Case("signature by name", HALF, '{"signature_name": "serving_default", "instances": [1.0]}',
         200, {"predictions": [3.5]}),
    Case("empty signature name", HALF, '{"signature_name": "", "instances": [1.0]}', 200,
         {"predictions": [3.5]}),
    Case("not a number", HALF, '{"instances": [NaN]}', 200, {"predictions": ["NaN"]}),
    Case("infinite", HALF, '{"instances": [Infinity, -Infinity, 1e40]}', 200,
         {"predictions": ["Infinity", "-Infinity", "Infinity"]}),
    Case("empty batch", TYPES, '{"signature_name": "long", "inputs": []}', 200, {"outputs": []}),
    Case("several inputs and outputs by row", TYPES,
         '{"signature_name": "two", "instances": [{"a": [1, 2], "b": 3}, {"b": 4, "a": [5, 6]}]}',
         200, {"predictions": [{"sum": 3.0, "twice": 6}, {"sum": 11.0, "twice": 8}]}),
    Case("several inputs and outputs by column", TYPES,
         '{"signature_name": "two", "inputs": {"a": [[1, 2]], "b": [3]}}', 200,
         {"outputs": {"sum": [3.0], "twice": [6]}}),
    Case("text", TYPES, '{"signature_name": "text", "instances": ["é"]}', 200,
         {"predictions": [{"plain": "é", "raw_bytes": {"b64": "w6k="}}]}),
    Case("base64", TYPES, '{"signature_name": "text", "instances": [{"b64": "YWI="}]}', 200,
         {"predictions": [{"plain": "ab", "raw_bytes": {"b64": "YWI="}}]}),
    Case("base64 by name", TYPES,
         '{"signature_name": "text", "instances": [{"text_bytes": {"b64": "YWI"}}]}', 200,
         {"predictions": [{"plain": "ab", "raw_bytes": {"b64": "YWI="}}]}),
    Case("base64 column", TYPES,
         '{"signature_name": "text", "inputs": {"text_bytes": [{"b64": "YWI="}, "c"]}}', 200,
         {"outputs": {"plain": ["ab", "c"], "raw_bytes": [{"b64": "YWI="}, {"b64": "Yw=="}]}}),
    Case("booleans", TYPES, '{"signature_name": "flags", "instances": [true, false]}', 200,
         {"predictions": [False, True]}),
    Case("whole numbers", TYPES, '{"signature_name": "long", "instances": [9223372036854775807]}',
         200, {"predictions": [9223372036854775807]}),
    Case("small numbers", TYPES, '{"signature_name": "small", "instances": [0, 255]}', 200,
         {"predictions": [0, 255]}),
    Case("scalar output by column", TYPES, '{"signature_name": "scalar", "inputs": [1.5, 2.0]}',
         200, {"outputs": 3.5}),
    Case("outputs of different length by column", TYPES,
         '{"signature_name": "uneven", "inputs": [1.5]}', 200,
         {"outputs": {"one": [1.5], "two": [1.5, 1.5]}}),
]  # fmt: skip

REFUSALS = [
    Case("empty body", HALF, "", 400, "JSON Parse error: The document is empty"),
    Case("no JSON", HALF, "hello", 400, "JSON Parse error: Invalid value. at offset: 0"),
    Case("half a surrogate pair", TYPES, '{"signature_name": "text", "instances": ["\\ud800"]}',
         400, "JSON Parse error: The surrogate pair in string is invalid. at offset: 42"),
    Case("a whole surrogate pair", TYPES,
         '{"signature_name": "text", "instances": ["\\ud83d\\ude00"]} and more', 200,
         {"predictions": [{"plain": "\U0001f600", "raw_bytes": {"b64": "8J+YgA=="}}]}),
    Case("half an object", HALF, '{"instances": [1', 400, "JSON Parse error: Missing a comma or ]"),
    Case("list", HALF, "[1]", 400, "JSON Value: [1] Is not object"),
    Case("number", HALF, "7", 400, "JSON Value: 7 Is not object"),
    Case("nested as deep as allowed", HALF, '{"instances":' + "[" * 63 + "1" + "]" * 63 + "}", 400,
         wrong_shape("x", ",".join(["1"] * 63), "-1,1")),
    Case("nested too deep", HALF, '{"instances":' + "[" * 64 + "1" + "]" * 64 + "}", 400,
         "JSON Parse error: nested more than 64 deep"),
    Case("brackets in a text nest nothing", TYPES,
         '{"signature_name": "text", "instances": ["' + "[{" * 100 + '\\"' + '"]}', 200,
         {"predictions": [{"plain": "[{" * 100 + '"', "raw_bytes": {
             "b64": base64.b64encode(b"[{" * 100 + b'"').decode()}}]}),
    Case("too many rows", HALF, '{"instances": [' + "1," * 8192 + "1]}", 400,
         "input x has a batch of 8193 rows, at most 8192 are allowed (--max_request_rows)"),
    Case("as many rows as allowed", HALF, '{"inputs": [' + "1," * 8191 + "1]}", 200,
         {"outputs": [3.5] * 8192}),
    Case("deep nesting", HALF, '{"instances":' + "[" * 5000 + "]" * 5000 + "}", 400, ""),
    Case("no data", HALF, "{}", 400, "Missing 'inputs' or 'instances' key"),
    Case("both layouts", HALF, '{"inputs": [1], "instances": [1]}', 400,
         'JSON Value: {"inputs": [1], "instances": [1]} Not formatted correctly expecting only '
         "one of 'inputs' or 'instances' keys to exist"),
    Case("instances is no list", HALF, '{"instances": 1}', 400,
         "JSON Value: {\"instances\": 1} Expecting 'instances' to be an list/array"),
    Case("no instances", HALF, '{"instances": []}', 400,
         "JSON Value: {\"instances\": []} No values in 'instances' array"),
    Case("signature name is no text", HALF, '{"signature_name": 5, "instances": [1]}', 400,
         'JSON Value: {"signature_name": 5, "instances": [1]} not formatted correctly. '
         "'signature_name' key must be a string value."),
    Case("unknown signature", HALF, '{"signature_name": "x", "instances": [1]}', 400,
         'Serving signature name: "x" not found in signature def'),
    Case("unknown signature comes before bad data", HALF, '{"signature_name": "x"}', 400,
         'Serving signature name: "x" not found in signature def'),
    Case("text for float", HALF, '{"instances": ["x"]}', 400,
         nested('JSON Value: "x" Type: String is not of expected type: float')),
    Case("second is wrong", HALF, '{"instances": [1, true]}', 400,
         nested("JSON Value: true Type: True is not of expected type: float", 1)),
    Case("null", HALF, '{"instances": [null]}', 400,
         nested("JSON Value: null Type: Null is not of expected type: float")),
    Case("base64 for float", HALF, '{"instances": [{"b64": "YQ=="}]}', 400,
         nested('JSON Value: {"b64": "YQ=="} Type: Object is not of expected type: float')),
    Case("unknown name", HALF, '{"instances": [{"z": 1}]}', 400,
         "Failed to process element: 0 key: z of 'instances' list. Error: INVALID_ARGUMENT: "
         "JSON object: does not have named input: z"),
    Case("mixed elements", HALF, '{"instances": [{"x": 1}, 2]}', 400,
         "Expecting object but got list at item 1 of input list"),
    Case("mixed the other way", HALF, '{"instances": [1, {"x": 1}]}', 400,
         "Expecting value/list but got object at item 1 of input list"),
    Case("different sizes", HALF, '{"instances": [[1, 2], [1]]}', 400,
         nested("Expecting tensor size: 2 but got: 1", 1)),
    Case("different shapes", HALF, '{"instances": [[[1, 2]], [[1], [2]]]}', 400,
         nested("Expecting shape [1,2] but got: [2,1]", 1)),
    Case("ragged", HALF, '{"instances": [[[1, 2], [3]]]}', 400,
         nested("Encountered list at unexpected size: 1 at level: 1 expected size: 2")),
    Case("ragged column", HALF, '{"inputs": [[1, 2], [3]]}', 400,
         "Encountered list at unexpected size: 1 at level: 1 expected size: 2"),
    Case("list too deep", HALF, '{"inputs": [1, [2]]}', 400,
         "Encountered list at unexpected level: 1 expected < 1"),
    Case("value too high", HALF, '{"inputs": [[1], 2]}', 400,
         "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
    Case("text in a column", HALF, '{"inputs": ["x"]}', 400,
         'JSON Value: "x" Type: String is not of expected type: float'),
    Case("plain list for two inputs", TYPES, '{"signature_name": "two", "instances": [1]}', 400,
         "instances is a plain list, but expecting list of objects as multiple input tensors "
         "required as per tensorinfo_map"),
    Case("plain column for two inputs", TYPES, '{"signature_name": "two", "inputs": [1]}', 400,
         "inputs is a plain value/list, but expecting an object as multiple input tensors "
         "required as per tensorinfo_map"),
    Case("missing name", TYPES, '{"signature_name": "two", "instances": [{"a": [1, 2]}]}', 400,
         "Failed to process element: 0 of 'instances' list. JSON object: {\"a\": [1, 2]} keys "
         "must be equal to: a,b"),
    Case("missing column", TYPES, '{"signature_name": "two", "inputs": {"a": [[1, 2]]}}', 400,
         "Missing named input: b in 'inputs' object."),
    Case("decimal for whole number", TYPES, '{"signature_name": "long", "inputs": [1.5]}', 400,
         "JSON Value: 1.5 Type: Number is not of expected type: int64"),
    Case("whole number too large", TYPES,
         '{"signature_name": "long", "inputs": [9223372036854775808]}', 400,
         "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
    Case("number for text", TYPES, '{"signature_name": "text", "inputs": [1]}', 400,
         "JSON Value: 1 Type: Number is not of expected type: string"),
    Case("bad base64", TYPES, '{"signature_name": "text", "instances": [{"b64": "*"}]}', 400,
         nested("Unable to base64 decode")),
    Case("object that is no base64", TYPES,
         '{"signature_name": "text", "inputs": [{"b64": 1}]}', 400,
         'JSON Value: {"b64": 1} not formatted correctly for base64 data'),
    Case("number for boolean", TYPES, '{"signature_name": "flags", "inputs": [1]}', 400,
         "JSON Value: 1 Type: Number is not of expected type: bool"),
    Case("type without JSON form", TYPES, '{"signature_name": "half", "inputs": [1.5]}', 501,
         "Conversion of JSON Value: 1.5 to type: half"),
    Case("scalar output by row", TYPES, '{"signature_name": "scalar", "instances": [1.5]}', 400,
         "Tensor name: total has no shape information"),
    Case("outputs of different length by row", TYPES,
         '{"signature_name": "uneven", "instances": [1.5]}', 400,
         "Tensor name: two has inconsistent batch size: 2 expecting: 1"),
    # TensorFlow Serving leaves these to the graph, which answers the first three.
    Case("wide matrix", HALF, '{"instances": [[1, 2], [3, 4]]}', 400,
         wrong_shape("x", "2,2", "-1,1")),
    Case("scalar for a column", HALF, '{"inputs": 2.0}', 400, wrong_shape("x", "", "-1,1")),
    Case("empty list for a matrix", TYPES, '{"inputs": []}', 400,
         wrong_shape("x", "0", "-1,3")),
    Case("list for a matrix", TYPES, '{"signature_name": "two", "inputs": {"a": [1], "b": [1]}}',
         400, wrong_shape("a", "1", "-1,2")),
    Case("inputs with different rows", TYPES,
         '{"signature_name": "two", "inputs": {"a": [[1, 2], [3, 4]], "b": [1]}}', 400,
         "input tensor alias b has 1 rows, but input tensor alias a has 2"),
]  # fmt: skip

CLASSIFY = "POST /v1/models/half/versions/123:classify"
REGRESS = "POST /v1/models/half/versions/123:regress"
WITH_REGRESS = '{{"signature_name": "regress_x_to_y", {}}}'
WITH_CLASSIFY = '{{"signature_name": "classify_x_to_y", {}}}'

EXAMPLES = [
    Case("regress", REGRESS, WITH_REGRESS.format('"examples": [{"x": 2.0}, {"x": [3.0]}]'), 200,
         {"results": [3.0, 3.5]}),
    Case("regress with context", REGRESS,
         WITH_REGRESS.format('"context": {"x": 4.0}, "examples": [{}, {"x": 6.0}]'), 200,
         {"results": [4.0, 5.0]}),
    Case("regress without a feature", REGRESS, WITH_REGRESS.format('"examples": [{}]'), 200,
         {"results": [2.0]}),
    Case("classify", CLASSIFY, WITH_CLASSIFY.format('"examples": [{"x": 2.0}, {"x": 0.0}]'), 200,
         {"results": [[["y", 3.0]], [["y", 2.0]]]}),
    Case("classify without examples", CLASSIFY, WITH_CLASSIFY.format('"x": 1'), 400,
         'JSON Value: {"signature_name": "classify_x_to_y", "x": 1} When method is classify, key '
         "'examples' is expected and was not found"),
    Case("regress without examples", REGRESS, "{}", 400,
         "JSON Value: {} When method is classify, key 'examples' is expected and was not found"),
    Case("examples is no list", REGRESS, '{"examples": 1}', 400,
         "JSON Value: {\"examples\": 1} Expecting 'examples' value to be an list/array"),
    Case("empty examples", REGRESS, '{"examples": []}', 400,
         "JSON Value: {\"examples\": []} 'examples' value is an empty array"),
    Case("example is no object", REGRESS, WITH_REGRESS.format('"examples": [1]'), 400,
         "Example must be JSON object but got JSON Number"),
    Case("feature of two kinds", REGRESS, WITH_REGRESS.format('"examples": [{"x": [1, 2.5]}]'),
         400, "Unexpected element type in feature: x expecting type: int64"),
    Case("feature of two kinds, bytes first", REGRESS,
         WITH_REGRESS.format('"examples": [{"x": ["a", 1]}]'), 400,
         "Unexpected element type in feature: x expecting type: bytes"),
    Case("feature with null", REGRESS, WITH_REGRESS.format('"examples": [{"x": null}]'), 400,
         "Feature: x has element with unexpected JSON type: Null"),
    Case("feature with nested lists", REGRESS, WITH_REGRESS.format('"examples": [{"x": [[1]]}]'),
         400, "Feature: x has element with unexpected JSON type: Array"),
    Case("feature beyond int64", REGRESS,
         WITH_REGRESS.format('"examples": [{"x": 18446744073709551615}]'), 400,
         "Feature: x has uint64 element. Only int64_t is supported."),
    Case("feature with bad base64", REGRESS,
         WITH_REGRESS.format('"examples": [{"x": {"b64": "*"}}]'), 400,
         "Unable to base64 decode"),
    Case("feature of the wrong kind for the graph", REGRESS,
         WITH_REGRESS.format('"examples": [{"x": "text"}]'), 400, ""),
    Case("regress by a predict signature", REGRESS, '{"examples": [{"x": 1.0}]}', 400,
         "No regression inputs found in SignatureDef: ['x']"),
    Case("classify by a regress signature", CLASSIFY,
         WITH_REGRESS.format('"examples": [{"x": 1.0}]'), 400,
         'Expected classification signature outputs to contain at least one of "classes" or '
         '"scores". Signature was'),
    Case("regress by a signature of TF2", "POST /v1/models/native:regress",
         '{"signature_name": "double", "examples": [{"x": 2.0}, {"x": 3.5}]}', 200,
         {"results": [4.0, 7.0]}),
    Case("classify by a signature of TF2", "POST /v1/models/native:classify",
         '{"signature_name": "score", "examples": [{"x": 2.0}]}', 200,
         {"results": [[["", 2.0], ["", -2.0]]]}),
    Case("regress by an unknown signature", REGRESS,
         '{"signature_name": "no", "examples": [{}]}', 400,
         "No signature was found with the name: no"),
    Case("classify an unknown model", "POST /v1/models/no:classify", '{"examples": [{}]}', 404,
         "Servable not found for request: Latest(no)"),
    Case("predict by a regress signature", REGRESS.replace("regress", "predict"),
         WITH_REGRESS.format('"instances": [{"b64": ""}]'), 200, {"predictions": [[2.0]]}),
]  # fmt: skip

OUTSIDE = [
    Case("preflight", "OPTIONS /v1/models/half:predict", "", 200, None,
         (("Origin", "https://page.example"),)),
    Case("preflight of a plain page", "OPTIONS /v1/models/half:predict", "", 200, None,
         (("Origin", "http://localhost:8080"),)),
    Case("preflight without origin", "OPTIONS /v1/models/half:predict", "", 400, ""),
    Case("preflight from a file", "OPTIONS /v1/models/half:predict", "", 400, "",
         (("Origin", "file://x"),)),
]  # fmt: skip

CASES = [*URLS, *DESCRIPTIONS, *PREDICTIONS, *REFUSALS, *EXAMPLES, *OUTSIDE]
