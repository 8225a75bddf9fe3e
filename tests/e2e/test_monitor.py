"""The real server's log of real pictures, read by ``fanout monitor``."""

import json
import time
import urllib.request
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from models.examples import read
from models.spec import load
from serving import request_log

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]

COUNT = 300


def test_clothes_are_fine_and_inverted_ones_are_reported(deployed: Any) -> None:
    pattern = str(deployed.build / "tfrecords" / "test" / "*.tfrecord")
    inputs, _ = next(iter(read(load("fashion"), pattern, batch_size=COUNT)))
    images = inputs["image"].numpy()
    ask(deployed, images)
    # Some may be golden examples, which do not count.
    fine = monitored(deployed, at_least=COUNT - load("fashion").golden_examples, expect=0)
    assert (fine["status"], fine["findings"], fine["version"]) == (
        "fine", [], deployed.manifest["version"],
    )  # fmt: skip
    ask(deployed, 255 - images)
    drifted = monitored(deployed, at_least=fine["examples"] + COUNT, expect=3)
    assert any(text.startswith("image.brightness: ") for text in drifted["findings"])
    said = deployed.fanout("monitor", expect=3)
    assert "drift: image.brightness: mean " in said.stderr
    assert "Traceback" not in said.stderr


def ask(place: Any, images: Array) -> None:
    """Asks for predictions, and waits until they are in the server's log: it writes when idle."""
    url = f"http://127.0.0.1:{place.port('REST_PORT')}/v1/models/fashion:predict"
    for part in np.split(images, 3):
        body = json.dumps({"instances": part.tolist()}).encode()
        with urllib.request.urlopen(url, data=body, timeout=300) as answer:
            assert len(json.load(answer)["predictions"]) == len(part)
    deadline = time.monotonic() + 300
    # Records are written in the order of the requests.
    while not any(
        one.kind == "predict" and np.array_equal(one.inputs.get("image", ()), part)
        for one in request_log.read(place.build / "request-log" / "requests.fashion")
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def monitored(place: Any, *, at_least: int, expect: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(place.fanout("monitor", "--json", expect=expect).stdout)
    assert found["examples"] >= at_least
    return found
