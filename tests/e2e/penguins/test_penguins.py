"""A model of a table, deployed: texts, unseen categories and missing values, everywhere alike."""

import csv
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement.checks import Check
from core.agreement.golden import Golden
from core.toolchain import EDGE_PYTHON
from mobile.raspberry_pi.bundle import bundle
from models.spec import load
from serving.client import Client
from serving.target import check_transport
from tests import warm
from tests.golden import classes_golden
from tests.programs.reproducible import compare
from tests.warm import Job

# A machine with other work on it needs longer than a test usually may.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(7200)]
ROWS = 600
SPEC = load("penguins")
VARIABLES = "serving/penguins/1/variables/variables.data-00000-of-00001"


@pytest.fixture(scope="module")
def place(
    make_place: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    found = make_place(tmp_path_factory.mktemp("penguins"), "penguins")
    # In two steps, each of which has its own time limit. Both are forks: tests/e2e starts the
    # program as people do, and importing TFX again would cost a processor ten seconds.
    found.fanout("run")
    found.fanout("deploy")
    yield found
    found.fanout("stop")


@pytest.fixture(scope="module")
def rows(place: Any) -> Golden:
    """Random rows, a third of whose values are missing and a third of whose texts are unseen."""
    import tensorflow as tf

    random = np.random.default_rng(11)
    strange = ["", "dream", "Biscoe ", "Île Petermann", "x" * 2000, "\U0001f427", '"quoted", text']
    inputs: dict[str, Any] = {}
    for tensor in SPEC.inputs:
        if tensor.dtype == "string":
            known = ["Biscoe", "Dream", "Torgersen", "female", "male"]
            inputs[tensor.name] = random.choice([*known, *strange], ROWS)
        else:
            values = random.uniform(tensor.minimum, tensor.maximum, ROWS).astype(np.float32)
            missing = random.random(ROWS) < 1 / 3
            inputs[tensor.name] = np.where(missing, np.float32(tensor.missing), values)
    [saved_model] = (place.current / "serving" / "penguins").glob("*")
    answer = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    outputs = answer(**{name: tf.constant(values) for name, values in inputs.items()})
    probabilities = outputs["probabilities"].numpy()
    return classes_golden(inputs, probabilities.argmax(axis=1), probabilities)


def test_all_targets_are_released(place: Any) -> None:
    manifest = place.manifest
    assert {row["target"] for row in manifest["checks"]} == {"serving", "mobile", "web"}
    assert all(row["status"] == "passed" for row in manifest["checks"])
    assert manifest["metrics"]["accuracy"] >= 0.97


def test_a_release_can_be_checked_again_and_a_changed_byte_is_found(place: Any) -> None:
    file = place.current.resolve() / "mobile" / "penguins.float16.tflite"
    contents = file.read_bytes()
    try:
        file.write_bytes(contents[:-1] + bytes([contents[-1] ^ 1]))
        done = place.fanout("check", expect=1)
        assert "mobile/penguins.float16.tflite differs from its checksum" in done.stderr
    finally:
        file.write_bytes(contents)
    rows = json.loads(place.fanout("check", "--json").stdout)
    assert all(row["status"] == "passed" for row in rows)


def test_random_rows_get_the_same_answers_everywhere(place: Any, rows: Golden) -> None:
    import mobile.target
    import web.target

    server = [
        check_transport(
            f"{scheme}://127.0.0.1:{place.port(port)}",
            "penguins",
            rows,
            SPEC.limits["serving"]["float32"],
            Check("serving", "float32", scheme, "failed"),
        )
        for scheme, port in (("http", "REST_PORT"), ("grpc", "GRPC_PORT"))
    ]
    device = mobile.target.check(
        mobile.target.artifacts(place.current / "mobile", spec=SPEC),
        rows,
        limits=SPEC.limits["mobile"],
    )
    browser = web.target.check(
        web.target.artifacts(place.current / "web", spec=SPEC), rows, limits=SPEC.limits["web"]
    )
    checks = [*server, *device, *browser]
    assert [check.reason for check in checks if check.status != "passed"] == []
    # The page's default engine gets all of them, the others a part.
    assert [check.examples for check in (*server, *device, browser[0])] == [ROWS] * 7


def test_an_unseen_text_answers_as_a_missing_one(place: Any) -> None:
    row = {"bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": 181.0}
    row |= {"body_mass_g": -1.0, "island": ""}  # type: ignore[dict-item]
    with Client(f"http://127.0.0.1:{place.port('REST_PORT')}", "penguins") as client:
        answers = [
            client.predict({name: [value] for name, value in {**row, "sex": sex}.items()})
            for sex in ("", "unknown", "female")
        ]
    np.testing.assert_array_equal(answers[0], answers[1])
    assert not np.allclose(answers[0], answers[2], atol=1e-3)


def test_the_raspberry_pi_program_reads_tables(place: Any, rows: Golden, tmp_path: Path) -> None:
    folder = tmp_path / "pi"
    file = place.current / "mobile" / "penguins.float32.tflite"
    bundle(file, place.current / "contract.json", folder)
    names = [tensor.name for tensor in SPEC.inputs]
    table = tmp_path / "table.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(names)
        for row in range(50):
            values = [rows.inputs[name][row] for name in names]
            writer.writerow(["" if value == -1 else value for value in values])
    for source, count in ((table, 50), (place.current / "golden.json", 16)):
        done = classify(folder, source)
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line)["probabilities"] for line in done.stdout.splitlines()]
        assert len(answers) == count
        if source == table:
            np.testing.assert_allclose(answers, rows.outputs["probabilities"][:count], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "it is empty"),
        ("b.csv", b"island;sex\nDream;male\n", "separated by commas"),
        ("c.csv", b"island,sex\nDream\n", "line 2 must have 2 cells"),
        ("d.csv", b"island,body_mass_g\nDream,heavy\n", "body_mass_g takes numbers"),
        ("e.csv", b"island\n\xff\n", "not UTF-8"),
        ("f.json", b'{"island": ', "not JSON"),
        ("g.png", b"x", "name a .csv or .json file"),
    ],
)
def test_bad_tables_are_told_of(
    place: Any, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = place.current / "mobile" / "penguins.float32.tflite"
    bundle(file, place.current / "contract.json", tmp_path / "pi")
    (tmp_path / name).write_bytes(content)
    done = classify(tmp_path / "pi", tmp_path / name)
    assert (done.returncode, message in done.stderr) == (1, True), done.stderr


def classify(folder: Path, source: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [EDGE_PYTHON, folder / "classify.py", source, "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )


# Enough for the best of three values to pass the model gate.
EPOCHS = 20
# A profile that learns too slowly to be any good.
SLOW = """
import json
from dataclasses import replace
from pipeline.commands import run, tune
from pipeline.settings.config import Config
from pipeline.training import checkpoints
config = Config.from_environment("penguins", "quick")
slow = {{**config.profile.hyperparameters, "learning_rate": 0.002, "epochs": {epochs}}}
slow["training"] = "gradient_tape"
profile = replace(config.spec.profile("quick"), hyperparameters=slow)
config = replace(config, spec=replace(config.spec, profiles={{"quick": profile}}))
{act}
"""


def held(line: str, verb: str) -> Job:
    """Returns the job of a verb that waits for a signal once it has said ``line``."""
    return warm.module("tests.programs.held", line, verb)


def killed(place: Any, job: Job, line: str, number: int) -> list[str]:
    """Returns what a command said that waits at ``line``, upon which it got a signal."""
    said = []
    to_us, from_it = os.pipe()
    with os.fdopen(to_us) as stream, Path(os.devnull).open("w") as nowhere:
        with os.fdopen(from_it, "w") as error:
            process = place.warm.start(job, place.environment, nowhere, error)
        for text in stream:
            said.append(text)
            if line in text:
                process.send_signal(number)
    assert any(line in text for text in said), said
    assert process.wait() == {signal.SIGINT: 130, signal.SIGKILL: -9}[number], said
    return said


def test_killed_at_any_moment_a_run_ends_as_if_undisturbed(
    place: Any, tmp_path: Path, make_place: Callable[..., Any]
) -> None:
    other = make_place(tmp_path, "penguins")
    for moment in ("✓ Transform", "✓ Check.serving"):
        killed(other, held(moment, "run"), moment, signal.SIGKILL)
        assert not (other.build / "releases" / "current").exists()
    other.fanout("run")
    assert all(row["status"] == "passed" for row in other.manifest["checks"])
    found = compare(place.build / "releases" / "1", other.build / "releases" / "1")
    assert not [row.name for row in found.rows if row.reason.startswith("only the ")]
    # Graphs number their functions by what the process did before; weights and answers are equal.
    answers = {"golden.json", "web/model/group1-shard1of1.bin", VARIABLES}
    assert answers <= {row.name for row in found.of("same")}, found.text()


def test_tuned_values_are_those_of_the_next_run(place: Any) -> None:
    file = place.build / "tuned.json"
    moment = "trial  2/12"
    said = killed(place, held(moment, "tune"), moment, signal.SIGINT)
    assert "interrupted; run the same command again to continue" in said[-1]
    assert not file.exists()
    again = place.fanout("tune", "--trials", "3", "--json")
    assert re.search("continuing after [23] trials", again.stderr), again.stderr
    assert [row["trial"] for row in json.loads(again.stdout)["trials"]] == [1, 2, 3]

    search = "print(json.dumps(tune.tune(config, trials=3, seconds=1800).to_json()))"
    found = json.loads(place.python(SLOW.format(epochs=EPOCHS, act=search)).stdout)
    assert found["accuracy"] > found["profile_accuracy"] == found["trials"][0]["accuracy"]
    assert json.loads(file.read_text())["values"] == found["values"]
    # They were found for another profile than this one.
    assert "not used" in json.loads(place.fanout("status", "--json").stdout)["tuned"]

    # Killed while it trains, a run goes on from the checkpoint.
    train = "checkpoints.EVERY_SECONDS = 0.0\nprint(json.dumps(run.run(config).manifest))"
    hold = f"from tests.programs.held import hold_at\nhold_at('epoch 10/{EPOCHS}')"
    job = warm.code(SLOW.format(epochs=EPOCHS, act=f"{hold}\n{train}"))
    killed(place, job, f"epoch 10/{EPOCHS}", signal.SIGKILL)
    done = place.python(SLOW.format(epochs=EPOCHS, act=train))
    assert re.search(rf"continuing after epoch (9|1\d) of {EPOCHS}", done.stderr), done.stderr
    manifest = json.loads(done.stdout)
    assert manifest["tuned"].items() <= found["values"].items()
    assert manifest["hyperparameters"]["learning_rate"] == found["values"]["learning_rate"]
    assert "(found by fanout tune)" in (place.current / "report.html").read_text()
    logs = max(place.build.glob("artifacts/Trainer/model_run/*"), key=lambda f: int(f.name))
    assert len((logs / "history.csv").read_text().splitlines()) == 1 + EPOCHS
    assert not (place.build / "artifacts" / "Trainer" / "checkpoints").exists()
    assert json.loads(place.fanout("tune", "--forget", "--json").stdout) == {"forgotten": True}
