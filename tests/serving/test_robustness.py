"""What nobody should send, and what happens while versions come and go."""

import contextlib
import gzip
import http.client
import json
import random
import shutil
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from serving import embedded
from serving.embedded import Address
from tests.serving import fixture_models

MALFORMED = 6000
GOOD = b'{"instances": [1.0, 2.0]}'


def memory(address: Address) -> int:
    """Returns the resident memory of the server that listens there, in bytes."""
    flag = f"--rest_api_port={address.rest_port}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if flag in (process / "cmdline").read_bytes().split(b"\0"):
                return int((process / "statm").read_text().split()[1]) * 4096
    raise LookupError(f"no process has the flag {flag.decode()}")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Returns the data with a few bytes changed, dropped, doubled or put in."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del changed[place : place + chance.randint(1, 8)]
            case 2:
                changed[place:place] = changed[place : place + chance.randint(1, 30)]
            case _:
                changed[place:place] = chance.choice(
                    [b"[" * 50, b"{", b'"', b"\x00", b"1e999", b"-", b"null", b"\xff", b"9" * 400]
                )
    return bytes(changed)


SEEDS = [
    GOOD,
    b'{"inputs": {"x": [[1.5], [2.5]]}}',
    b'{"signature_name": "regress_x_to_y", "instances": [{"b64": "CgA="}]}',
    b'{"signature_name": "serving_default", "instances": [{"x": [3.0]}]}',
]


def test_malformed_bodies_are_refused_and_do_no_harm(server: Address) -> None:
    chance = random.Random(5)
    connection = http.client.HTTPConnection(server.host, server.rest_port, timeout=30)
    before = 0
    for number in range(MALFORMED):
        if number == MALFORMED // 5:
            before = memory(server)
        body = mutated(chance.choice(SEEDS), chance)
        headers = {}
        if number % 3 == 0:
            body, headers = gzip.compress(body), {"Content-Encoding": "gzip"}
            if number % 2:
                body = mutated(body, chance)
        verb = chance.choice(["predict", "predict", "regress", "classify"])
        connection.request("POST", f"/v1/models/half:{verb}", body, headers)
        response = connection.getresponse()
        content = response.read()
        assert response.status in (200, 400, 404, 413), (body, response.status, content)
    connection.close()
    assert memory(server) - before < 50 << 20


def test_malformed_http_is_refused_and_does_no_harm(server: Address) -> None:
    chance = random.Random(6)
    request = (
        b"POST /v1/models/half:predict HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(GOOD), GOOD)
    )
    for _ in range(800):
        with socket.create_connection((server.host, server.rest_port), timeout=30) as connection:
            connection.sendall(mutated(request, chance))
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while part := connection.recv(65536):
                answer += part
            # A request that was cut short has no answer; any other has one that is no 5xx.
            assert answer == b"" or answer.split(b" ")[1][:1] in b"1234", answer
    assert predict(server) == [2.5, 3.0]


def test_malformed_protobuf_is_refused_and_does_no_harm(server: Address) -> None:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "half"
    message.inputs["x"].dtype = 1
    message.inputs["x"].tensor_shape.dim.add(size=2)
    message.inputs["x"].float_val.extend([1.0, 2.0])
    good = message.SerializeToString()
    chance = random.Random(7)
    with grpc.insecure_channel(f"{server.host}:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        for _ in range(1000):
            try:
                call(mutated(good, chance), timeout=30)
            except grpc.RpcError as error:
                code, details = error.code(), error.details()
                known = ("INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION")
                assert code.name in known, (code, details)
        assert list(predict_pb2.PredictResponse.FromString(call(good, timeout=30)).outputs)


def predict(address: Address) -> list[float]:
    connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=30)
    connection.request("POST", "/v1/models/half:predict", GOOD)
    answer: list[float] = json.loads(connection.getresponse().read())["predictions"]
    connection.close()
    return answer


def test_a_tensor_that_claims_to_be_huge(server: Address) -> None:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "half"
    message.inputs["x"].dtype = 1
    for size in (1 << 40, 1 << 40):
        message.inputs["x"].tensor_shape.dim.add(size=size)
    message.inputs["x"].float_val.append(1.0)
    with grpc.insecure_channel(f"{server.host}:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        with pytest.raises(grpc.RpcError) as caught:
            call(message.SerializeToString(), timeout=30)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_silent_and_surplus_connections(half_plus_two: Path) -> None:
    options = ("--rest_api_timeout_in_ms=500", "--max_connections=3")
    with embedded.running("half", half_plus_two, *options) as address:
        place = (address.host, address.rest_port)
        with socket.create_connection(place, timeout=20) as slow:
            slow.sendall(b"POST /v1/models/half:predict HTTP/1.1\r\nContent-Length: 10\r\n\r\n{")
            assert slow.recv(65536).startswith(b"HTTP/1.1 408 ")
        idle = [socket.create_connection(place, timeout=20) for _ in range(3)]
        time.sleep(0.2)
        with socket.create_connection(place, timeout=20) as surplus:
            assert surplus.recv(65536).startswith(b"HTTP/1.1 503 ")
        for one in idle:
            one.close()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if embedded.available_versions(address, "half"):
                break
        else:
            pytest.fail("the server did not recover")


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, int], None]:
    """Returns a function that puts x/2 + version at a base path, whole, in one step."""
    folder = tmp_path_factory.mktemp("versions")
    for version in (1, 2):
        fixture_models.write_half_plus(folder / str(version), plus=float(version))

    def put(base: Path, version: int) -> None:
        copy = base.parent / f"copy-{version}"
        shutil.copytree(folder / str(2 - version % 2), copy)
        copy.rename(base / str(version))

    return put


def test_versions_come_and_go_under_load(
    tmp_path: Path, versions: Callable[[Path, int], None]
) -> None:
    """Odd versions add 1, even ones 2: every answer must be one of theirs, and none may fail."""
    base = tmp_path / "half"
    base.mkdir()
    versions(base, 1)
    answers: list[tuple[int, bytes]] = []
    stopping = threading.Event()

    def client(address: Address, number: int) -> None:
        connection = http.client.HTTPConnection(address.host, address.rest_port, timeout=60)
        values = np.arange(1, 2 + number % 3).tolist()
        while not stopping.is_set():
            connection.request("POST", "/v1/models/half:predict", json.dumps({"instances": values}))
            response = connection.getresponse()
            answers.append((response.status, response.read()))
        connection.close()

    with embedded.running("half", base, "--file_system_poll_wait_seconds=0.1") as address:
        threads = [threading.Thread(target=client, args=(address, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        try:
            for version in range(2, 7):
                versions(base, version)
                broken = base / str(version + 100)
                broken.mkdir()
                (broken / "saved_model.pb").write_bytes(b"broken")
                deadline = time.monotonic() + 60
                # The broken one has a higher number: nothing wanted is ready, the old one stays.
                time.sleep(0.4)
                shutil.rmtree(broken)
                while embedded.available_versions(address, "half") != [version]:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                shutil.rmtree(base / str(version - 1))
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
    assert len(answers) > 50
    seen = set()
    for status, content in answers:
        assert status == 200, content
        found = json.loads(content)["predictions"]
        plus = found[0] - 0.5
        assert plus in (1.0, 2.0)
        assert found == [value / 2 + plus for value in range(1, 1 + len(found))]
        seen.add(plus)
    assert seen == {1.0, 2.0}
