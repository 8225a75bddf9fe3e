"""The whole path at its smallest size: real data, real training, every runtime."""

import json
import subprocess
import urllib.request
from typing import Any

import numpy as np
import pytest

from core.agreement.golden import Golden, read_golden
from core.toolchain import EDGE_PYTHON, ROOT
from models.spec import load
from tests.serving.container.engine_here import engine_with_image

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]

ON_A_DEVICE = """
import json, sys
import numpy as np
from tflite_runtime.interpreter import Interpreter
runner = Interpreter(sys.argv[1], num_threads=1).get_signature_runner("serving_default")
examples = json.load(open(sys.argv[2]))["examples"]
images = [np.array(e["inputs"]["image"], np.float32)[None] for e in examples]
print(json.dumps([runner(image=image)["probabilities"][0].tolist() for image in images]))
"""


@pytest.fixture(scope="module")
def golden(deployed: Any) -> Golden:
    return read_golden(deployed.current / "golden.json", load("fashion"))


def test_every_check_of_the_release_passed(deployed: Any) -> None:
    manifest = deployed.manifest
    rows = {
        (row["target"], row["variant"], row["runtime"].split()[0]) for row in manifest["checks"]
    }
    assert {
        ("serving", "float32", "REST"),
        ("serving", "float32", "gRPC"),
        *(
            ("mobile", variant, runtime)
            for variant in ("float32", "float16", "dynamic", "int8", "int8_uint8")
            for runtime in ("tflite-runtime", "LiteRT")
        ),
    } <= rows
    web = [row for row in manifest["checks"] if row["target"] == "web"]
    # The page's default engine runs all of them, the others a part.
    assert [row["examples"] for row in web] == [1000] + [256] * (len(web) - 1)
    assert {(row["variant"], row["runtime"].split()[0]) for row in web} == {
        ("quantised", "TensorFlow.js"),
        ("float32", "TensorFlow.js"),
        ("float32", "LiteRT.js"),
    }
    assert all(row["status"] == "passed" for row in manifest["checks"])
    assert all(row["examples"] == 1000 for row in manifest["checks"] if row not in web)
    assert manifest["metrics"]["accuracy"] >= 0.78
    assert len(manifest["metrics"]["slices"]) == 10


def test_a_plain_http_client_gets_the_saved_models_answers(deployed: Any, golden: Golden) -> None:
    url = f"http://127.0.0.1:{deployed.port('REST_PORT')}/v1/models/fashion:predict"
    body = json.dumps({"instances": golden.inputs["image"].tolist()}).encode()
    with urllib.request.urlopen(url, data=body, timeout=300) as answer:
        predictions = json.load(answer)["predictions"]
    np.testing.assert_allclose(predictions, golden.outputs["probabilities"], atol=1e-5)


def test_tensorflow_servings_own_stubs_get_them_too(deployed: Any, golden: Golden) -> None:
    code = f"""
import grpc, numpy, tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from models.spec import load
from pathlib import Path
from core.agreement.golden import read_golden
golden = read_golden(Path({str(deployed.current / "golden.json")!r}), load("fashion"))
request = predict_pb2.PredictRequest()
request.model_spec.name = "fashion"
request.inputs["image"].CopyFrom(tf.make_tensor_proto(golden.inputs["image"]))
with grpc.insecure_channel("127.0.0.1:{deployed.port("GRPC_PORT")}") as channel:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    answer = stub.Predict(request, timeout=300)
assert answer.model_spec.version.value == {deployed.manifest["version"]}
numpy.testing.assert_allclose(
    tf.make_ndarray(answer.outputs["probabilities"]), golden.outputs["probabilities"], atol=1e-5
)
"""
    deployed.python(code)


def test_tflite_runtime_gets_them_from_the_released_file(deployed: Any, golden: Golden) -> None:
    files = [
        deployed.current / "mobile" / "fashion.float32.tflite",
        deployed.current / "golden.json",
    ]
    done = subprocess.run(
        [EDGE_PYTHON, "-c", ON_A_DEVICE, *files], check=True, capture_output=True, text=True
    )
    answers = json.loads(done.stdout.splitlines()[-1])
    np.testing.assert_allclose(answers, golden.outputs["probabilities"], atol=1e-5)


def test_the_deployed_page_shows_them_in_the_browser(deployed: Any) -> None:
    rows = json.loads(deployed.fanout("smoke", "--json").stdout)
    web = [row for row in rows if row["target"] == "web"]
    assert web
    assert all(row["status"] == "passed" and row["examples"] == 16 for row in web)


def test_nothing_changed_is_nothing_done(deployed: Any) -> None:
    version = deployed.manifest["version"]
    logs = set((deployed.build / "logs").glob("run-*.log"))
    deployed.fanout("run")
    assert deployed.manifest["version"] == version
    # Every run that gets as far as TFX writes one.
    assert set((deployed.build / "logs").glob("run-*.log")) == logs


def test_status_tells_what_is_and_what_runs(deployed: Any) -> None:
    status = json.loads(deployed.fanout("status", "--json").stdout)
    assert status["current"] == deployed.manifest["version"]
    assert status["damage"] == []
    assert set(status["running"]) == {"server", "page"}


def test_with_an_engine_deploy_ends_in_a_container(deployed: Any) -> None:
    engine, _ = engine_with_image()
    try:
        done = deployed.fanout("deploy", f"--engine={engine.name}")
        assert f"in {engine.name}: ENGINE={engine.name}" in done.stderr
        status = json.loads(deployed.fanout("status", "--json").stdout)
        assert status["server"]["engine"] == engine.name
        assert status["answers"]["server"] == [deployed.manifest["version"]]
    finally:
        deployed.fanout("serve")
    assert json.loads(deployed.fanout("status", "--json").stdout)["server"]["healthy"]


def test_a_port_in_use_is_one_clear_line(deployed: Any) -> None:
    taken = {**deployed.environment, "REST_PORT": str(deployed.port("WEB_PORT"))}
    done = subprocess.run(
        [ROOT / ".venv/bin/fanout", "serve"],
        check=False,
        env=taken,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "REST_PORT=" in done.stderr
    assert "Traceback" not in done.stderr
    deployed.fanout("serve")
