"""gRPC with the stubs of tensorflow-serving-api, against a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving import embedded
from serving.client.versions import Versions
from serving.embedded import Address
from tests.serving import fixture_models

REGRESS = "tensorflow/serving/regress"
CLASSIFY = "tensorflow/serving/classify"


@pytest.fixture
def stub(conforming: Address) -> Iterator[Any]:
    with grpc.insecure_channel(f"{conforming.host}:{conforming.grpc_port}") as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def example(value: float) -> example_pb2.Example:
    message = example_pb2.Example()
    message.features.feature["x"].float_list.value.append(value)
    return message


def regression(signature: str = "regress_x_to_y", values: tuple[float, ...] = (2.0, 4.0)) -> Any:
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "half"
    request.model_spec.version.value = 123
    request.model_spec.signature_name = signature
    request.input.example_list.examples.extend(map(example, values))
    return request


def classification(signature: str = "classify_x_to_y") -> Any:
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "half"
    request.model_spec.version_label = "stable"
    request.model_spec.signature_name = signature
    request.input.example_list.examples.append(example(2.0))
    return request


def refusal(call: Any, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=120)
    return caught.value.code().name, caught.value.details()


def test_regress(stub: Any) -> None:
    response = stub.Regress(regression(), timeout=120)
    assert [one.value for one in response.result.regressions] == [3.0, 4.0]
    assert response.model_spec.version.value == 123
    assert response.model_spec.signature_name == "regress_x_to_y"


def test_regress_with_context(stub: Any) -> None:
    request = regression(values=())
    listed = request.input.example_list_with_context
    listed.context.CopyFrom(example(4.0))
    listed.examples.extend([example_pb2.Example(), example(6.0)])
    response = stub.Regress(request, timeout=120)
    assert [one.value for one in response.result.regressions] == [4.0, 5.0]


def test_classify(stub: Any) -> None:
    response = stub.Classify(classification(), timeout=120)
    (classified,) = response.result.classifications
    assert [(one.label, one.score) for one in classified.classes] == [("y", 3.0)]
    assert response.model_spec.version.value == 123


def test_refusals(stub: Any) -> None:
    assert refusal(stub.Regress, regression(values=())) == ("INVALID_ARGUMENT", "Input is empty.")
    assert refusal(stub.Regress, regression(signature="no")) == (
        "INVALID_ARGUMENT", "No signature was found with the name: no",
    )  # fmt: skip
    code, details = refusal(stub.Classify, classification(signature="regress_x_to_y"))
    assert code == "FAILED_PRECONDITION"
    assert details.startswith("Expected classification signature outputs to contain at least one")
    assert refusal(stub.Classify, classification_pb2.ClassificationRequest()) == (
        "INVALID_ARGUMENT", "Missing ModelSpec",
    )  # fmt: skip


def inference(*tasks: tuple[str, str, str]) -> Any:
    request = inference_pb2.MultiInferenceRequest()
    for model, signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = model
        task.model_spec.signature_name = signature
    request.input.example_list.examples.append(example(2.0))
    return request


BOTH = (("half", "regress_x_to_y", REGRESS), ("half", "classify_x_to_y", CLASSIFY))


def test_multi_inference(stub: Any) -> None:
    response = stub.MultiInference(inference(*BOTH), timeout=120)
    values, classes = response.results
    assert [one.value for one in values.regression_result.regressions] == [4.0]
    assert classes.classification_result.classifications[0].classes[0].score == 4.0
    assert {result.model_spec.version.value for result in response.results} == {124}


@pytest.mark.parametrize(
    ("tasks", "code", "details"),
    [
        ((("", "", REGRESS),), "INVALID_ARGUMENT", "Found ModelSpec with an empty model name."),
        ((BOTH[0], ("types", "x", REGRESS)), "INVALID_ARGUMENT",
         "All ModelSpecs in a MultiInferenceRequest must access the same model name."),
        ((BOTH[0], BOTH[0]), "INVALID_ARGUMENT",
         "Duplicate evaluation of signature: regress_x_to_y"),
        ((("half", "no", REGRESS),), "INVALID_ARGUMENT",
         "Requested signature not found in model graph: no"),
        ((("half", "regress_x_to_y", "other"),), "UNIMPLEMENTED",
         "Unsupported signature method_name: other"),
        ((("no", "x", REGRESS),), "NOT_FOUND", "Servable not found for request: Latest(no)"),
    ],
)  # fmt: skip
def test_multi_inference_refusals(stub: Any, tasks: Any, code: str, details: str) -> None:
    assert refusal(stub.MultiInference, inference(*tasks)) == (code, details)


def test_reload(half_plus_two: Path, tmp_path: Path) -> None:
    fixture_models.write_half_plus(tmp_path / "other" / "7", plus=5.0)
    with embedded.running("half", half_plus_two) as address:
        target = f"{address.host}:{address.grpc_port}"
        with grpc.insecure_channel(target) as channel:
            service = model_service_pb2_grpc.ModelServiceStub(channel)
            reload = service.HandleReloadConfigRequest

            request = model_management_pb2.ReloadConfigRequest()
            code, details = refusal(reload, request)
            assert code == "INVALID_ARGUMENT" and "ModelConfigList" in details

            config = request.config.model_config_list.config.add()
            config.name, config.base_path = "other", str(tmp_path / "other")
            config.model_platform = "tensorflow"
            config.version_labels["live"] = 7
            assert reload(request, timeout=120).status.error_code == 0
            assert Versions(address.rest, "other").available() == [7]
            assert Versions(address.rest, "half").available() == []

            status = get_model_status_pb2.GetModelStatusRequest()
            status.model_spec.name = "other"
            status.model_spec.version_label = "live"
            response = service.GetModelStatus(status, timeout=120)
            assert response.model_version_status[0].version == 7

            config.version_labels["next"] = 8
            code, details = refusal(reload, request)
            assert code == "FAILED_PRECONDITION" and "not currently available" in details
            assert Versions(address.rest, "other").available() == [7]

            config.version_labels.clear()
            config.base_path = str(tmp_path / "none")
            assert refusal(reload, request)[0] == "NOT_FOUND"
