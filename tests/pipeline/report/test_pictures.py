import base64
import io
from dataclasses import replace

import numpy as np
from PIL import Image

from models.spec import Tensor, load
from pipeline.report import Facts, render
from pipeline.report.pictures import MOST, data_uri, drawable, masked
from tests.golden import classes_golden

GREY = load("fashion").inputs[0]


def test_a_picture_reads_back_as_its_values() -> None:
    values = np.random.default_rng(3).integers(0, 256, GREY.shape).astype(np.float32)
    uri = data_uri(values, GREY)
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert np.array_equal(np.asarray(picture), values[..., 0])


def test_only_pictures_are_drawn() -> None:
    assert drawable(GREY)
    assert not drawable(replace(GREY, kind="tensor"))
    assert not drawable(replace(GREY, shape=(28, 28, 2)))


def test_other_inputs_become_a_table(full: Facts) -> None:
    inputs = (
        Tensor("mass", "float32", (2,), "In grams."),
        Tensor("island", "string", (), "Its name."),
    )
    assert full.golden
    values = {"mass": np.full((40, 2), 3750.0, np.float32), "island": np.array(["<Dream>"] * 40)}
    other = classes_golden(
        values, full.golden.truths["probabilities"], full.golden.outputs["probabilities"]
    )
    page = render(replace(full, spec=replace(full.spec, inputs=inputs), golden=other))
    assert "<img " not in page
    assert "3750, 3750" in page
    assert "&lt;Dream&gt;" in page


def test_a_large_picture_is_made_smaller() -> None:
    photo = Tensor("photo", "uint8", (400, 200, 3), "", 0, 255, "image")
    uri = data_uri(np.full(photo.shape, 77, np.uint8), photo)
    picture = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert picture.size == (MOST // 2, MOST)
    assert set(np.asarray(picture).ravel()) == {77}


def test_a_mask_colours_its_part_of_the_picture_whatever_its_size() -> None:
    picture = np.full((4, 6, 3), 100, np.uint8)
    shown = masked(picture, np.array([[0, 1, 2]]))
    assert (shown[:, :2] == 100).all()
    first, second = shown[0, 2], shown[0, 4]
    assert (shown[:, 2:4] == first).all()
    assert (shown[:, 4:] == second).all()
    assert (first != second).any()
    assert (first != 100).any()
