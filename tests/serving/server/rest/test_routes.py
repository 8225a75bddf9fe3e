"""The URLs, against the rules of TensorFlow Serving's own tests."""

import pytest

from serving.server.dataplane.statuses import Code, ServingError
from serving.server.rest import routes
from serving.server.rest.routes import Route


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v1/models/foo:predict", Route("predict", "foo")),
        ("POST", "/v1/models/foo:classify", Route("classify", "foo")),
        ("POST", "/V1/MODELS/foo:Regress", Route("regress", "foo")),
        ("POST", "/v1/models/foo/versions/50:predict", Route("predict", "foo", version=50)),
        ("POST", "/v1/models/foo/labels/a%2Fb:predict", Route("predict", "foo", label="a/b")),
        ("POST", "/v1/models/f%3Ao:predict", Route("predict", "f:o")),
        ("GET", "/v1/models/foo", Route("status", "foo")),
        ("GET", "/v1/models/foo/metadata", Route("metadata", "foo")),
        ("GET", "/v1/models/foo/versions/007", Route("status", "foo", version=7)),
        ("GET", "/v1/models/foo/labels/live/metadata", Route("metadata", "foo", label="live")),
    ],
)
def test_match(method: str, path: str, expected: Route) -> None:
    assert routes.match(method, path) == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/foo"),
        ("POST", "/v1/models"),
        ("POST", "/v1/models/foo"),
        ("GET", "/v1/models/foo:predict"),
        ("POST", "/v1/models/foo/version/50:predict"),
        ("POST", "/v1/models/foo/label/x:predict"),
        ("POST", "/v1/models/foo/metadata"),
        ("POST", "/v1/models/foo/versions/1/labels/x:predict"),
        ("POST", "/v1/models/foo/versions/x:predict"),
        ("PUT", "/v1/models/foo:predict"),
        ("DELETE", "/v1/models/foo"),
        ("POST", "/v1/models/foo:predict\n"),
        ("GET", "/v1/models/foo/versions/٣"),
    ],
)
def test_malformed(method: str, path: str) -> None:
    with pytest.raises(ServingError) as caught:
        routes.match(method, path)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == f"Malformed request: {method} {path}"


def test_no_model_name() -> None:
    with pytest.raises(ServingError, match="Missing model name in request"):
        routes.match("GET", "/v1/models")


def test_version_beyond_int64_is_answered_without_a_body() -> None:
    with pytest.raises(routes.BareError, match="18446744073709551615 to numeric"):
        routes.match("POST", "/v1/models/foo/versions/18446744073709551615:predict")


def test_name_that_does_not_decode() -> None:
    with pytest.raises(routes.BareError):
        routes.match("GET", "/v1/models/%ff")
