"""The Pi's programs with outputs of every role, and inputs of every type."""

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.agreement.checks import FAILED, PASSED, Check, compare
from core.arrays import Array
from mobile.raspberry_pi.bundle import bundle
from models.roles.detection import Detection
from models.spec import Limits
from tests.mobile.raspberry_pi.program import lines_of, request, run, served, told
from tests.mobile.roles import EXAMPLES, SIZE, VARIANTS, Release

EXACT = Limits(agreement=0.999, max_diff=1e-5)
# Inputs, values that they do not take, and what is said of these.
WRONG = [
    ("small", [1, 2, 300], "small takes whole numbers from -128 to 127, not 300"),
    ("small", [1, 2, 0.5], "small takes whole numbers from -128 to 127, not 0.5"),
    ("small", [1, 2], "small has 2 values, but the model takes the shape (3,)"),
    ("count", "12.5", "count takes whole numbers from 0 to 255, not 12.5"),
    ("flags", [True, "maybe"], "flags takes true, false, 1 or 0, not 'maybe'"),
    ("half", [1, 1e6], "half holds a number that is not finite or too large for float16"),
    ("half", ["1", "x"], "half takes numbers, not ['1', 'x']"),
    ("ids", "[1, 2", "ids holds a list that is not JSON"),
    ("ids", [1, 2, 3, 4, 100], "the model does not take it: "),
    ("photo", "none.png", "photo: No such file"),
    ("photo", {"b64": "%"}, "photo: a picture is {"),
    ("flags", None, "row 1 has no flags"),
]


@pytest.fixture(scope="module")
def photos(all_roles: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden pictures as PNG files."""
    folder = tmp_path_factory.mktemp("photos")
    for row, image in enumerate(all_roles.golden.inputs["image"]):
        Image.fromarray(image).save(folder / f"{row:02}.png")
    return folder


def bundled(release: Release, folder: Path, *names: str, variant: str = "float32") -> Path:
    """Bundles a release, or only the outputs of some roles."""
    contract = release.of_roles(*names) if names else release.folder / "contract.json"
    bundle(release.file(variant), contract, folder)
    return folder


def answers_of(rows: list[dict[str, Any]]) -> dict[str, Array]:
    return {name: np.array([row["outputs"][name] for row in rows]) for name in rows[0]["outputs"]}


def line(release: Release, folder: Path, photo: Path, pillow: Path, role: str, *more: str) -> str:
    """Returns what is printed for people of the role's output, without name and time."""
    done = run(bundled(release, folder, role), photo, *more, pillow=pillow)
    assert done.returncode == 0, done.stderr
    (printed,) = done.stdout.splitlines()
    return printed.removeprefix(f"{photo}: ").rpartition(" (")[0]


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_outputs_are_the_saved_models(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path, variant: str
) -> None:
    folder = bundled(all_roles, tmp_path / "pi", variant=variant)
    rows = lines_of(run(folder, photos, "--json", pillow=only_pillow))
    # The decisions of an untrained network are near ties; only float32 must make the same ones.
    limits = EXACT if variant == "float32" else Limits(agreement=0, rms_diff=0.1)
    row = compare(
        answers_of(rows),
        all_roles.golden,
        limits,
        row=Check("mobile", variant, "pi", FAILED),
    )
    assert row.status == PASSED, row.reason


def test_json_has_what_every_output_says(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path
) -> None:
    folder = bundled(all_roles, tmp_path)
    (row,) = lines_of(run(folder, photos / "03.png", "--json", pillow=only_pillow))
    said = row["answers"]
    values = {name: rows[3] for name, rows in all_roles.golden.outputs.items()}
    assert {name: answer["role"] for name, answer in said.items()} == {
        head.name: head.role.name for head in all_roles.golden.heads
    }
    assert row["label"] == said["kind"]["label"] == ("cat", "dog", "owl")[values["kind"].argmax()]
    np.testing.assert_allclose(row["probabilities"], values["kind"], atol=1e-5)
    assert said["sharp"]["answer"] == (values["sharp"][0] > 0.5)
    assert said["sharp"]["label"] == ("blurred", "sharp")[said["sharp"]["answer"]]
    tags = np.flatnonzero(values["tags"] > 0.5)
    assert sorted(said["tags"]["labels"]) == ["abcd"[place] for place in tags]
    assert said["warmth"]["value"] == pytest.approx(values["warmth"][0], abs=1e-5)
    sky = float(np.mean(values["ground"].argmax(axis=-1) == 1))
    assert said["ground"]["shares"].get("sky", 0) == pytest.approx(sky)
    (head,) = [head for head in all_roles.golden.heads if head.role.name == "detection"]
    assert isinstance(head.role, Detection)
    boxes, scores, classes = head.role.found(head.outputs, all_roles.golden.outputs)[3]
    assert len(boxes) and said["corners"]["boxes"] == [
        {
            "label": ("ball", "kite")[kind],
            "score": pytest.approx(score, abs=1e-5),
            "box": pytest.approx(list(box), abs=1e-5),
        }
        for box, score, kind in zip(boxes, scores, classes, strict=True)
    ]
    assert said["rest"]["shape"] == [2, 3]


def test_lines_for_people(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path
) -> None:
    values = {name: rows[0] for name, rows in all_roles.golden.outputs.items()}

    def printed(role: str) -> str:
        return line(all_roles, tmp_path / role, photos / "00.png", only_pillow, role)

    best = int(values["kind"].argmax())
    assert printed("classification").startswith(f"{('cat', 'dog', 'owl')[best]} ")
    chance = f"sharp {values['sharp'][0]:.1%}"
    assert printed("binary") == (chance if values["sharp"][0] > 0.5 else f"blurred ({chance})")
    tags = sorted(zip(values["tags"], "abcd", strict=True), reverse=True)
    named = [f"{tag} {value:.1%}" for value, tag in tags if value > 0.5]
    assert printed("multi_label") == (", ".join(named) or "nothing above 50.0%")
    number, unit = printed("regression").split()
    assert (float(number), unit) == (pytest.approx(values["warmth"][0], abs=1e-4), "°C")
    sky = float(np.mean(values["ground"].argmax(axis=-1) == 1))
    assert f"sky {sky:.1%}" in printed("segmentation")
    assert printed("tensor").startswith("shape (2, 3): ")
    assert printed("embedding").endswith(", … (12 numbers)")
    assert printed("detection").count(" at ") == int((values["certainty"].max(axis=1) > 0.4).sum())


def test_several_answers_stand_in_one_line(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path
) -> None:
    folder = bundled(all_roles, tmp_path, "binary", "regression")
    done = run(folder, photos / "00.png", pillow=only_pillow)
    assert "sharp: " in done.stdout and " | warmth: " in done.stdout, done.stderr


def test_a_mask_is_a_picture_of_classes(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path
) -> None:
    folder, mask = bundled(all_roles, tmp_path / "pi", "segmentation"), tmp_path / "mask.png"
    named = [photos / "00.png", photos / "01.png"]
    lines_of(run(folder, *named, "--json", "--mask", mask, pillow=only_pillow))
    expected = all_roles.golden.outputs["ground"].argmax(axis=-1)
    for row, file in enumerate((mask, tmp_path / "mask-2.png")):
        with Image.open(file) as written:
            assert written.mode == "P"
            np.testing.assert_array_equal(np.asarray(written), expected[row])


@pytest.mark.parametrize("form", ["rel_yxyx", "rel_xyxy", "yxyx"])
def test_boxes_are_drawn_where_they_are(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path, form: str
) -> None:
    folder, large = bundled(all_roles, tmp_path / "pi", "detection"), tmp_path / "large.png"
    contract = (folder / "contract.json").read_text().replace("rel_yxyx", form)
    (folder / "contract.json").write_text(contract)
    height, width = SIZE * 20, SIZE * 40
    with Image.open(photos / "02.png") as small:
        small.resize((width, height), Image.Resampling.NEAREST).save(large)
    drawn = tmp_path / "boxes.png"
    (row,) = lines_of(run(folder, large, "--json", "--boxes", drawn, pillow=only_pillow))
    with Image.open(drawn) as after, Image.open(large) as before:
        changed = np.any(np.asarray(after) != np.asarray(before), axis=2)
    assert changed.shape == (height, width)
    boxes = row["answers"]["corners"]["boxes"]
    assert boxes
    for box in boxes:
        first, second = (np.sort(box["box"][place::2]) for place in (0, 1))
        rows, columns = (second, first) if form.endswith("xyxy") else (first, second)
        # In pixels, the values are those of the small picture.
        unit = 1 if form.startswith("rel_") else SIZE
        top, bottom = (rows * height / unit).astype(int)
        left, right = (columns * width / unit).astype(int)
        assert changed[(top + bottom) // 2, left] and changed[(top + bottom) // 2, right]
        assert changed[top, (left + right) // 2] and changed[bottom, (left + right) // 2]


def test_the_nearest_example_is_named(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path
) -> None:
    folder = bundled(all_roles, tmp_path / "pi")
    rows = lines_of(run(folder, photos, "--json", "--nearest", pillow=only_pillow))
    for place, row in enumerate(rows):
        nearest = row["answers"]["vector"]["nearest"]
        assert (nearest["example"], nearest["label"]) == (place + 1, row["label"])
        assert nearest["cosine"] == pytest.approx(1)
    alone = tmp_path / "alone"
    words = line(all_roles, alone, photos / "04.png", only_pillow, "embedding", "--nearest")
    assert "; nearest: test example 5 (" in words and words.endswith("), cosine 1.000")
    contract = json.loads((alone / "contract.json").read_text())
    (alone / "contract.json").write_text(json.dumps({**contract, "made_up": True}))
    done = run(alone, photos / "04.png", "--nearest", pillow=only_pillow)
    assert "nearest: made-up input 5" in done.stdout and "test example" not in done.stdout


@pytest.mark.parametrize(
    ("role", "option", "message"),
    [
        ("regression", ("--mask", "x.png"), "--mask needs a model with a segmentation"),
        ("regression", ("--boxes", "x.png"), "--boxes needs a model with a detection"),
        ("segmentation", ("--mask", "x.gif"), "--mask must name a .png file, got x.gif"),
        ("regression", ("--nearest",), "the model has no embedding"),
    ],
)
def test_an_option_for_another_role_is_refused(
    all_roles: Release,
    photos: Path,
    only_pillow: Path,
    tmp_path: Path,
    role: str,
    option: tuple[str, ...],
    message: str,
) -> None:
    folder = bundled(all_roles, tmp_path, role)
    done = run(folder, photos / "00.png", *option, pillow=only_pillow)
    assert (done.returncode, done.stdout) == (2, "")
    (error,) = told(done)
    assert message in error


def test_a_contract_from_before_roles_is_a_classification(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path
) -> None:
    folder = bundled(all_roles, tmp_path, "classification")
    contract = json.loads((folder / "contract.json").read_text())
    for output in contract["outputs"]:
        for name in ("role", "labels", "unit", "threshold", "part", "box_format"):
            del output[name]
    (folder / "contract.json").write_text(json.dumps(contract))
    (row,) = lines_of(run(folder, photos / "00.png", "--json", pillow=only_pillow))
    assert row["label"] in contract["labels"] == ["cat", "dog", "owl"]
    assert len(row["probabilities"]) == 3


def golden_row(release: Release, row: int) -> dict[str, Any]:
    examples = json.loads((release.folder / "golden.json").read_text())["examples"]
    inputs: dict[str, Any] = examples[row]["inputs"]
    return inputs


def test_rows_with_inputs_of_every_type(
    mixed_inputs: Release, only_pillow: Path, tmp_path: Path
) -> None:
    folder = bundled(mixed_inputs, tmp_path / "pi")
    rows = lines_of(run(folder, mixed_inputs.folder / "golden.json", "--json", pillow=None))
    assert len(rows) == EXAMPLES
    row = compare(
        answers_of(rows), mixed_inputs.golden, EXACT, row=Check("mobile", "float32", "pi", FAILED)
    )
    assert row.status == PASSED, row.reason
    table = tmp_path / "table.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        inputs = golden_row(mixed_inputs, 0)
        writer = csv.DictWriter(stream, list(inputs))
        writer.writeheader()
        lists = {name: json.dumps(each) for name, each in inputs.items() if isinstance(each, list)}
        writer.writerow({**inputs, **lists})
    (same,) = lines_of(run(folder, table, "--json", pillow=None))
    assert same["outputs"] == rows[0]["outputs"]


def test_a_row_may_name_or_hold_a_picture(
    mixed_inputs: Release, only_pillow: Path, tmp_path: Path
) -> None:
    folder = bundled(mixed_inputs, tmp_path / "pi")
    bytes_ = np.arange(0, 256, 16, dtype=np.uint8).reshape(4, 4)
    file = tmp_path / "photo.png"
    Image.fromarray(bytes_).save(file)
    scaled = (bytes_.astype(np.float64) / 255 * 2 - 1)[..., None].tolist()
    row = golden_row(mixed_inputs, 1)
    rows = tmp_path / "rows.json"
    held = {"b64": base64.b64encode(file.read_bytes()).decode()}
    rows.write_text(json.dumps([{**row, "photo": photo} for photo in (scaled, "photo.png", held)]))
    numbers, named, encoded = lines_of(run(folder, rows, "--json", pillow=only_pillow))
    assert named["outputs"] == encoded["outputs"]
    np.testing.assert_allclose(named["outputs"]["sizes"], numbers["outputs"]["sizes"], atol=1e-5)
    assert named["answers"]["boxes"]["role"] == "detection"


def test_a_sequence_of_another_length_is_padded_or_cut_as_the_contract_says(
    mixed_inputs: Release, only_pillow: Path, tmp_path: Path
) -> None:
    folder, rows = bundled(mixed_inputs, tmp_path / "pi"), tmp_path / "rows.json"
    row = golden_row(mixed_inputs, 0)
    ids = [[7, 8], [7, 8, 0, 0, 0], [], [0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5]]
    rows.write_text(json.dumps([{**row, "ids": each} for each in ids]))
    done = run(folder, rows, "--json", pillow=None)
    outputs = [line["outputs"] for line in lines_of(done)]
    assert outputs[0] == outputs[1] != outputs[2] == outputs[3] != outputs[4] == outputs[5]
    assert told(done) == [f"{rows}:5: note: ids has 7 steps; the model takes the first 5"]
    with served(folder, only_pillow) as port:
        body = json.dumps({**row, "ids": ids[4]}).encode()
        status, answer = request(port, "POST", body)
    assert (status, answer["outputs"]) == (200, outputs[4])
    assert answer["notes"] == ["ids has 7 steps; the model takes the first 5"]


def test_values_of_another_type_are_one_line_each(mixed_inputs: Release, tmp_path: Path) -> None:
    folder = bundled(mixed_inputs, tmp_path / "pi")
    messages: dict[Path, str] = {}
    for place, (name, value, message) in enumerate(WRONG):
        file = tmp_path / f"{place:02}.json"
        file.write_text(json.dumps({**golden_row(mixed_inputs, 0), name: value}))
        messages[file] = message
    done = run(folder, *messages, pillow=None)
    assert (done.returncode, done.stdout) == (1, "")
    for (file, message), error in zip(messages.items(), told(done), strict=True):
        assert error.startswith(str(file)) and message in error


def test_the_service_answers_every_role(
    all_roles: Release, photos: Path, only_pillow: Path, tmp_path: Path
) -> None:
    with served(bundled(all_roles, tmp_path), only_pillow) as port:
        status, answer = request(port, "POST", (photos / "00.png").read_bytes())
        described = request(port, "GET")[1]
    assert status == 200
    assert [output["role"] for output in described["outputs"]] == [
        output.role for output in all_roles.spec.outputs
    ]
    for name, values in all_roles.golden.outputs.items():
        np.testing.assert_allclose(answer["outputs"][name], values[0], atol=1e-5)
    assert answer["answers"]["vector"]["nearest"]["example"] == 1
    assert set(answer["probabilities"]) == {"cat", "dog", "owl"}


def test_the_service_takes_rows_and_opens_no_files(
    mixed_inputs: Release, only_pillow: Path, tmp_path: Path
) -> None:
    row = golden_row(mixed_inputs, 0)
    stream = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(stream, "PNG")
    (tmp_path / "photo.png").write_bytes(stream.getvalue())
    with served(bundled(mixed_inputs, tmp_path / "pi"), only_pillow) as port:
        status, answer = request(port, "POST", json.dumps(row).encode())
        named = {**row, "photo": str(tmp_path / "photo.png")}
        refused, error = request(port, "POST", json.dumps(named).encode())
    assert status == 200
    np.testing.assert_allclose(
        answer["outputs"]["sizes"], mixed_inputs.golden.outputs["sizes"][0], atol=1e-5
    )
    assert refused == 400 and "in base64, or its numbers" in error["error"]
