"""``fanout new --keras`` and ``--saved-model``: the path of a trained model to the device."""

import errno
from pathlib import Path

import numpy as np
import pytest

from core.errors import DataError, UserError
from models.brought.made_up import Values, made_up
from models.spec import Tensor
from pipeline.commands import cli
from pipeline.new import from_existing
from pipeline.new.create import create
from tests.golden import score
from tests.models.brought import MODELS, save
from tests.pipeline.new.written import converted, failed, only_float32, spec_of

# NumPy 2 warns about TensorFlow's variables whenever Keras saves one.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models; one has an input whose name is invalid in Python, and an int32 one."""
    import keras

    keras.utils.set_random_seed(3)
    folder = tmp_path_factory.mktemp("made")
    picture = keras.Input((8, 8, 3), name="Picture-1")
    count = keras.Input((2,), dtype="int32", name="count")
    x = keras.layers.Rescaling(1 / 255)(picture)
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(x))
    x = keras.layers.Concatenate()([x, keras.ops.cast(count, "float32")])
    model = keras.Model([picture, count], keras.layers.Dense(3, activation="softmax")(x))
    model.save(folder / "model.keras")
    model.export(folder / "saved", verbose=False)
    keras.Sequential([keras.Input((None, 4)), keras.layers.LSTM(3)]).save(folder / "open.keras")
    return folder


@pytest.mark.parametrize(("source", "name"), [("model.keras", "mine_k"), ("saved", "mine_s")])
def test_a_trained_model_reaches_the_device(
    originals: Path, place: Path, tmp_path: Path, source: str, name: str
) -> None:
    folder, told = from_existing.create(name, originals / source, models=place)
    assert "input picture_1: float32 (8, 8, 3), values" in told
    assert "float32 (3,), classification, as it ends in a softmax; labels: class 0, class 1" in told
    spec = spec_of(folder)
    golden, rows = converted(spec, tmp_path)
    assert score(golden) == 1.0
    # The export did not replace the network by a constant.
    (values,) = golden.outputs.values()
    assert np.ptp(values, axis=0).max() > 1e-3
    assert {row.variant for row in rows} == {"float32", "float16", "dynamic", "int8", "int8_uint8"}
    assert failed(rows) == []
    changed = folder / ("model.keras" if source == "model.keras" else "saved_model/fingerprint.pb")
    changed.write_bytes(b"other")
    with pytest.raises(DataError, match="changed: its digest is"):
        spec.module("existing").MODEL.network()


# The LSTM goes all the way in tests/e2e, and all of them do in tests/programs/brought.py.
@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"small", "lstm"}))
def test_every_usual_kind_of_network_reaches_the_device(
    place: Path, tmp_path: Path, name: str
) -> None:
    folder, _ = from_existing.create(f"mine_{name}", save(name, tmp_path), models=place)
    spec = spec_of(folder)
    assert ("int8_uint8" in spec.limits["mobile"]) == (name not in {"attention", "causal"})
    golden, rows = converted(only_float32(spec), tmp_path)
    assert np.ptp(golden.outputs["output"], axis=0).max() > 1e-2
    assert len(rows) == 2
    assert failed(rows) == []


@pytest.fixture(scope="module")
def every_answer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save("all_answers", tmp_path_factory.mktemp("answers"))


def test_every_kind_of_answer_reaches_the_device_and_the_server(
    every_answer: Path, place: Path, tmp_path: Path
) -> None:
    folder, told = from_existing.create("mine_every", every_answer, models=place)
    assert "input picture_1: uint8 (8, 8, 3), values from 0 to 255" in told
    spec = spec_of(folder)
    assert spec.made_up
    assert {output.name: output.role for output in spec.outputs} == {
        "kind_a": "classification",
        "yes": "binary",
        "flags": "multi_label",
        "price": "regression",
        "mask": "segmentation",
        "boxes": "detection",
        "scores": "detection",
        "face": "embedding",
        "output_columns": "tensor",
    }
    assert set(spec.label_keys) == {"kind_a", "yes", "flags", "price", "mask"}
    golden, rows = converted(only_float32(spec), tmp_path, ("mobile", "serving"))
    assert failed(rows) == []
    assert {row.target: row.agreement for row in rows} == {"mobile": 1.0, "serving": 1.0}
    shapes = {name: (truth.dtype.name, truth.shape) for name, truth in golden.truths.items()}
    assert shapes == {
        "kind_a": ("int64", (20,)),
        "yes": ("int64", (20,)),
        "flags": ("int64", (20, 3)),
        "price": ("float32", (20, 1)),
        "mask": ("int64", (20, 8, 8)),
    }
    for head in golden.heads:
        before = {name: np.roll(values, 1, axis=0) for name, values in golden.outputs.items()}
        assert (head.same(golden.outputs, before) < 1).any(), head.name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("open.keras", "must have fixed sizes"),
        ("gone.keras", "does not exist"),
    ],
)
def test_what_does_not_fit_is_refused(
    originals: Path, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        from_existing.create("mine_x", originals / name, models=tmp_path)


def test_options_that_exclude_each_other(tmp_path: Path) -> None:
    options = cli._parser().parse_args(["new", "mine", "--images", str(tmp_path), "--label", "x"])
    with pytest.raises(UserError, match="it needs --csv"):
        create(options, tmp_path)


def test_a_model_that_distinguishes_nothing_is_reported(tmp_path: Path) -> None:
    import keras

    zeros = keras.layers.Dense(3, kernel_initializer="zeros", activation="softmax")
    keras.Sequential([keras.Input((4,)), zeros]).save(tmp_path / "same.keras")
    folder, told = from_existing.create("same", tmp_path / "same.keras", models=tmp_path / "models")
    assert "NOTE: its answers output to made-up inputs differ by at most 0e+00" in told
    assert (folder / "model.keras").is_file()


def test_made_up_ids_are_in_the_table_and_padded_at_the_end(place: Path) -> None:
    folder, told = from_existing.create("mine_ids", save("ids", place.parent), models=place)
    assert "input tokens: int32 (12,), ids from 0 to 499, padded at the end with 0" in told
    assert "ids from 0 to 499, padded at the end with 0." in (folder / "README.md").read_text()
    spec = spec_of(folder)
    rows = [example["tokens"] for example in spec.module("data").examples(place, "train", None)]
    ids = np.array(rows)
    assert ids.shape == (64, 12)
    assert ids.min() == 0
    assert 450 < ids.max() <= 499
    lengths = (ids != 0).sum(axis=1)
    # The zeros are at the end, and the lengths differ.
    assert ((ids != 0) == (np.arange(12) < lengths[:, None])).all()
    assert set(lengths) >= {1, 12}
    schema = (folder / "schema.pbtxt").read_text()
    assert "int_domain { min: 0 max: 499 }" in schema


def test_the_ids_of_a_saved_model_are_tried_out(tmp_path: Path) -> None:
    import keras

    tokens = keras.Input((3,), dtype="int32", name="tokens")
    count = keras.Input((1,), dtype="int64", name="count")
    x = keras.layers.Flatten()(keras.layers.Embedding(321, 2)(tokens))
    x = keras.layers.Concatenate()([x, keras.ops.cast(count, "float32")])
    model = keras.Model([tokens, count], keras.layers.Dense(3)(x))
    model.export(tmp_path / "saved", verbose=False)
    folder, told = from_existing.create("ids", tmp_path / "saved", models=tmp_path / "models")
    assert "input tokens: int32 (3,), ids from 0 to 320" in told
    assert "input count: int64 (1,), values assumed to be from 0 to 9" in told
    assert 'description="The model\'s input tokens: ids."' in (folder / "existing.py").read_text()


def test_the_range_that_is_assumed_shows_differences(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax")])
    # The top class changes at -0.5.
    model.set_weights([np.array([[1.0, 0.0]]), np.array([0.5, 0.0])])
    model.save(tmp_path / "negative.keras")
    _, told = from_existing.create("negative", tmp_path / "negative.keras", models=tmp_path / "m")
    assert "values assumed to be from -1 to 1" in told


def test_made_up_whole_numbers_reach_both_ends() -> None:
    random = np.random.default_rng(1)
    tensor = Tensor("count", "int32", (3,), "", 0.0, 1.0)
    values = made_up(tensor, 50, random)
    assert values.dtype == np.int32
    assert 0.3 < values.mean() < 0.7
    tensor = Tensor("ids", "float32", (3,), "", 0.0, 4.0)
    floats = made_up(tensor, 50, random, Values(whole=True))
    assert floats.dtype == np.float32
    assert set(floats.ravel()) == {0, 1, 2, 3, 4}


def test_a_model_that_cannot_be_copied_leaves_no_folder(
    originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.new.folder.copy_tree", full)
    with pytest.raises(OSError, match="No space left"):
        from_existing.create("mine", originals / "saved", models=tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []
