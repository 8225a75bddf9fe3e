"""Every file that people have: what is in it, and what to do about a file that does not suffice."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import DataError, UserError
from models.brought.keras_config import KerasConfig
from models.brought.keras_file import UntrustedModelError
from pipeline.new import from_existing
from pipeline.new.asked import Asked
from pipeline.training.export import export
from tests.pipeline.new.written import converted, failed, only_float32, spec_of

# NumPy 2 warns about TensorFlow's variables whenever Keras saves one, and Keras about HDF5.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each format, of Keras 3."""
    import keras

    class Doubled(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
        def call(self, values: Any) -> Any:
            return values * 2

    def tripled(values: Any) -> Any:
        return values * 3

    layers, folder = keras.layers, tmp_path_factory.mktemp("files")
    keras.utils.set_random_seed(4)
    whole = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    whole.save(folder / "whole.h5")
    whole.save(folder / "whole.keras")
    whole.save_weights(folder / "only.weights.h5")
    own = keras.Sequential([keras.Input((4,)), Doubled(), layers.Dense(3, activation=tripled)])
    code = keras.Sequential([keras.Input((4,)), layers.Lambda(lambda values: values * 2)])
    for suffix in ("keras", "h5"):
        own.save(folder / f"own.{suffix}")
        code.save(folder / f"code.{suffix}")
    return folder


@pytest.fixture(scope="module")
def old_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of Keras 2."""
    import tf_keras

    layers, folder = tf_keras.layers, tmp_path_factory.mktemp("old")
    tf_keras.utils.set_random_seed(4)
    steps = tf_keras.Input((6, 3), name="Steps")
    x = layers.LSTM(5)(steps)
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    model = tf_keras.Model(steps, [kind, layers.Dense(1, name="size")(x)])
    model.save(folder / "two.keras")
    model.save(folder / "two.h5")
    code = tf_keras.Sequential([tf_keras.Input((4,)), layers.Lambda(lambda x: x), layers.Dense(2)])
    code.save(folder / "code.keras")
    code.save(folder / "code.h5")
    # Keras 3 has no such layer.
    old = tf_keras.Sequential(
        [tf_keras.Input((6, 3)), layers.LocallyConnected1D(2, 3), layers.Flatten(), layers.Dense(1)]
    )
    old.save(folder / "gone.keras")
    return folder


def test_a_whole_model_in_hdf5_reaches_the_device(files: Path, place: Path, tmp_path: Path) -> None:
    folder, told = from_existing.create("mine_h5", files / "whole.h5", models=place)
    assert "output: float32 (3,), classification, as it ends in a softmax" in told
    assert (folder / "model.h5").read_bytes() == (files / "whole.h5").read_bytes()
    _, rows = converted(only_float32(spec_of(folder)), tmp_path)
    assert failed(rows) == []


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_files_of_keras_2_become_models_of_keras_3(
    old_files: Path, place: Path, tmp_path: Path, suffix: str
) -> None:
    folder, told = from_existing.create(f"mine_{suffix}", old_files / f"two.{suffix}", models=place)
    assert "input steps: float32 (6, 3)" in told
    assert "output kind: float32 (3,), classification" in told
    assert "output size: float32 (1,), regression" in told
    assert "format: Keras 2.21.0, brought to Keras 3; answers differ by" in told
    assert KerasConfig.of(folder / "model.keras").version.startswith("3.")
    if suffix == "keras":
        _, rows = converted(only_float32(spec_of(folder)), tmp_path)
        assert failed(rows) == []


def test_a_layer_that_only_keras_2_has_goes_into_a_saved_model(
    old_files: Path, place: Path, tmp_path: Path
) -> None:
    folder, told = from_existing.create("mine_gone", old_files / "gone.keras", models=place)
    assert "format: Keras 2.21.0, made into a SavedModel" in told
    assert (folder / "saved_model" / "saved_model.pb").is_file()
    _, rows = converted(only_float32(spec_of(folder)), tmp_path)
    assert failed(rows) == []


def test_code_in_a_file_is_refused_unless_trusted(
    files: Path, old_files: Path, place: Path
) -> None:
    for source in (*files.glob("code.*"), *old_files.glob("code.*")):
        with pytest.raises(UntrustedModelError, match=r"Lambda layer: Python code .* give --trust"):
            from_existing.create("mine_l", source, models=place)
    assert not place.exists()
    for number, source in enumerate((files / "code.keras", old_files / "code.keras")):
        folder, _ = from_existing.create(
            f"mine_{number}", source, asked=Asked(trusted=True), models=place
        )
        assert "trusted=True" in (folder / "existing.py").read_text()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_code_that_is_elsewhere_is_named_with_a_way_out(
    files: Path, tmp_path: Path, suffix: str
) -> None:
    with pytest.raises(UserError) as refused:
        from_existing.create("mine", files / f"own.{suffix}", models=tmp_path / "models")
    assert "needs code that is not in the file: " in str(refused.value)
    assert "Doubled" in str(refused.value)
    assert "tripled" in str(refused.value)
    assert "model.export('folder'), and give it with --saved-model" in str(refused.value)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.index", b"x", "is a checkpoint, which has the weights only: load it into its model"),
        ("m.tflite", b"x", "is a converted model: take the one that it was made from"),
        ("m.onnx", b"x", "is a model of ONNX: convert it to a SavedModel"),
        ("m.pb", b"x", "is a graph: give the folder of its SavedModel with --saved-model"),
        ("m.keras", b"x", r"is not a \.keras file, and not an \.h5 file of Keras: save the whole"),
    ],
)
def test_another_file_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        from_existing.create("mine", tmp_path / name, models=tmp_path / "models")
    assert not (tmp_path / "models").exists()


def test_weights_without_a_model_are_refused(files: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has weights only, .* architecture is missing: load"):
        from_existing.create("mine", files / "only.weights.h5", models=tmp_path / "models")
    with pytest.raises(DataError, match="is missing"):
        KerasConfig.of(tmp_path / "none.keras")
    with pytest.raises(UserError, match="is not a SavedModel"):
        from_existing.create("mine", tmp_path, models=tmp_path / "models")


def test_the_versions_of_file_and_reader_are_named(files: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.keras"
    with zipfile.ZipFile(files / "whole.keras") as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            content = old.read(name).replace(b'"Dense"', b'"Gone"')
            new.writestr(name, content.replace(b'"keras_version": "3.', b'"keras_version": "4.'))
    with pytest.raises(UserError, match=r"was written by Keras 4\..*, this is Keras 3\."):
        from_existing.create("mine", file, models=tmp_path / "models")


class Saved:
    """SavedModels of functions, made in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def module(self, **functions: tuple[Any, Any]) -> Any:
        import tensorflow as tf

        module = tf.Module()
        for name, (function, spec) in functions.items():
            traced = tf.function(function, input_signature=[spec], autograph=False)
            setattr(module, name, traced)
        return module


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Saved]:
    yield Saved(tmp_path / "saved")


def _softmax(x: Any) -> Any:
    import tensorflow as tf

    return {"Probs.Out": tf.nn.softmax(x * [1.0, 2.0, 3.0])}


def _pictures(x: Any) -> Any:
    import tensorflow as tf

    means = tf.reduce_mean(tf.cast(x, tf.float32) / 255, axis=(1, 2))
    return {"Probs.Out": tf.nn.softmax(means * [9.0, 10.0, 11.0])}


def test_a_function_without_a_signature_is_taken(saved: Saved, place: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    spec = tf.TensorSpec((None, 6, 6, 3), tf.uint8, name="Image")
    tf.saved_model.save(saved.module(run=(_pictures, spec)), str(saved.folder), signatures={})
    folder, told = from_existing.create("mine_module", saved.folder, models=place)
    assert "signature: run, the only one" in told
    assert "input image: uint8 (6, 6, 3), values from 0 to 255" in told
    assert "output probs_out: float32 (3,), classification" in told
    _, rows = converted(only_float32(spec_of(folder)), tmp_path)
    assert failed(rows) == []


def test_a_signature_is_chosen_by_its_name(saved: Saved, tmp_path: Path) -> None:
    import tensorflow as tf

    spec = tf.TensorSpec((None, 3), tf.float32, name="x")
    module = saved.module(first=(_softmax, spec), second=(lambda x: {"sum": x + 1}, spec))
    tf.saved_model.save(
        module, str(saved.folder), {"classify": module.first, "measure": module.second}
    )
    models = tmp_path / "models"
    with pytest.raises(UserError, match="choose one with --signature: classify, measure"):
        from_existing.create("mine", saved.folder, models=models)
    with pytest.raises(UserError, match="has no signature 'x' of tensors; it has: classify, mea"):
        from_existing.create("mine", saved.folder, asked=Asked(signature="x"), models=models)
    assert not models.exists()
    folder, told = from_existing.create(
        "mine", saved.folder, asked=Asked(signature="measure"), models=models
    )
    assert "output sum: float32 (3,)" in told
    assert 'signature="measure"' in (folder / "existing.py").read_text()


def test_a_module_without_functions_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.weight = tf.Variable(1.0)
    tf.saved_model.save(module, str(tmp_path / "saved"))
    with pytest.raises(UserError, match="no signatures and no functions of tensors: write it anew"):
        from_existing.create("mine", tmp_path / "saved", models=tmp_path / "models")


def test_a_fixed_batch_reaches_device_and_server(place: Path, tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    steps = keras.Input((6, 3))
    x = keras.layers.LSTM(4)(steps)
    keras.Model(steps, keras.layers.Dense(3, activation="softmax")(x)).export(
        tmp_path / "saved", input_signature=[tf.TensorSpec((1, 6, 3))], verbose=False
    )
    folder, told = from_existing.create("mine_one", tmp_path / "saved", models=place)
    assert "batches: the model takes 1 at once, so larger batches are run one by one" in told
    _, rows = converted(only_float32(spec_of(folder)), tmp_path, ("mobile", "serving"))
    assert failed(rows) == []


def test_an_unknown_rank_and_names_with_dots(saved: Saved, tmp_path: Path) -> None:
    import tensorflow as tf

    spec = tf.TensorSpec(None, tf.float32, name="Sepal_Length")
    tf.saved_model.save(saved.module(run=(_softmax, spec)), str(saved.folder))
    models = tmp_path / "models"
    with pytest.raises(UserError, match=r"got \(unknown\); give them with --shape sepal_length="):
        from_existing.create("mine", saved.folder, models=models)
    asked = Asked(shapes={"sepal_length": (3,)})
    _, told = from_existing.create("mine", saved.folder, asked=asked, models=models)
    assert "input sepal_length: float32 (3,)" in told


def test_tables_of_tensorflow_1_are_filled_where_the_model_is_loaded(
    place: Path, tmp_path: Path
) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        text = v1.placeholder(tf.string, (None,), name="text")
        words = v1.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2], value_dtype=tf.int64)
        table = v1.lookup.StaticHashTable(words, 0)
        weights = v1.get_variable("w", (3, 3), use_resource=True)
        answer = tf.nn.softmax(tf.matmul(tf.one_hot(table.lookup(text), 3), weights))
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        v1.saved_model.simple_save(
            session, str(tmp_path / "saved"), {"text": text}, {"probs": answer},
            legacy_init_op=v1.tables_initializer(),
        )  # fmt: skip
        expected = session.run(answer, {text: ["a", "b", "c"]})
    folder, told = from_existing.create("mine_v1", tmp_path / "saved", models=place)
    assert "input text: string (), made-up words" in told
    spec = spec_of(folder)
    export(spec.module("network").build({}, {}), spec, tmp_path / "exported")
    # In another process, in which nothing has filled the table before.
    code = (
        "import sys, tensorflow as tf; model = tf.saved_model.load(sys.argv[1]);"
        "print(model.signatures['serving_default'](text=tf.constant(['a', 'b', 'c']))['probs']"
        ".numpy().tolist())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "exported")],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    np.testing.assert_allclose(eval(ran.stdout), expected, rtol=1e-6)  # noqa: S307 - our own list


def test_variables_of_tensorflow_1_become_constants(place: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        row = v1.placeholder(tf.float32, (None, 4), name="row")
        answer = tf.nn.softmax(tf.matmul(row, v1.get_variable("w", (4, 3), use_resource=False)))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(
            session, str(tmp_path / "saved"), {"Row": row}, {"probs": answer, "row": row * 2}
        )
    folder, told = from_existing.create("mine_ref", tmp_path / "saved", models=place)
    assert "format: TensorFlow 1, made into one of TensorFlow 2" in told
    assert "output probs: float32 (3,), classification, as it ends in a softmax" in told
    _, rows = converted(only_float32(spec_of(folder)), tmp_path)
    assert failed(rows) == []


def test_the_words_of_a_saved_models_table_are_made_up(tmp_path: Path) -> None:
    import keras

    city = keras.Input((), dtype="string", name="City")
    known = ["paris", "rome", "oslo"]
    x = keras.layers.StringLookup(vocabulary=known, output_mode="one_hot")(city)
    keras.Model(city, keras.layers.Dense(3, activation="softmax")(x)).export(
        tmp_path / "saved", verbose=False
    )
    folder, told = from_existing.create("mine", tmp_path / "saved", models=tmp_path / "models")
    assert "input city: string (), texts from a vocabulary of 4" in told
    assert '            "paris",\n' in (folder / "existing.py").read_text()
