"""Conversion in a child process: what ends it is one variant's reason."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.arrays import Array
from core.errors import DataError
from mobile.conversion import isolated
from mobile.conversion.conversion import ConversionError
from mobile.conversion.isolated import convert
from models.spec import ModelSpec, Tensor
from models.tracing import LAYER_STEPS
from pipeline.training.export import export
from tests.mobile.conftest import Sample

STEPS = LAYER_STEPS + 6


@pytest.fixture(scope="module")
def looped(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSpec, Path]:
    """A SavedModel with a loop, as its sequences are long."""
    import keras

    image = keras.Input((28, 28, 1), name="image")
    rows = keras.layers.Reshape((STEPS, -1))(image[:, :, :25])
    values = keras.layers.LSTM(2, name="reader")(rows)
    network = keras.Model({"image": image}, keras.layers.Dense(10, activation="softmax")(values))
    folder = tmp_path_factory.mktemp("looped")
    export(network, sample.spec, folder)
    return sample.spec, folder


def examples() -> Mapping[str, Array]:
    return {"image": np.random.default_rng(0).uniform(0, 255, (8, 28, 28, 1)).astype(np.float32)}


def test_a_crash_is_the_reason_of_its_variant_alone(looped: tuple[ModelSpec, Path]) -> None:
    spec, saved_model = looped
    made = convert(saved_model, spec, ["int8", "float32", "int8_uint8"], examples)
    assert list(made) == ["int8", "float32", "int8_uint8"]
    assert isinstance(made["float32"], bytes)
    for name in ("int8", "int8_uint8"):
        # TensorFlow 2.21's calibrator ends its process for each loop of a recurrent layer.
        reason = str(made[name])
        assert isinstance(made[name], ConversionError)
        assert reason.startswith("TensorFlow Lite cannot run the loop of layer 'reader': its acti")
        assert "TensorFlow Lite's converter crashed with SIGSEGV: " in reason
        assert f"sequences of at most {LAYER_STEPS} steps" in reason


def test_what_was_made_before_needs_no_child(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = convert(sample.saved_model, sample.spec, ["float32", "int8"], examples)
    started: list[list[str]] = []
    start = isolated._start

    def counted(folder: Path, variants: list[str]) -> Any:
        started.append(variants)
        return start(folder, variants)

    monkeypatch.setattr(isolated, "_start", counted)
    assert convert(sample.saved_model, sample.spec, ["float32"], examples) == {
        "float32": first["float32"]
    }
    assert not started
    # Other examples may have given another file.
    convert(sample.saved_model, sample.spec, ["float32", "int8"], examples)
    assert started == [["int8"]]


def test_a_hang_ends_at_the_limit(sample: Sample) -> None:
    isolated._kept.cache_clear()
    made = convert(sample.saved_model, sample.spec, ["float32"], examples, seconds=0.05)
    assert str(made["float32"]).startswith("TensorFlow Lite's converter took more than 0.05 s, ")


def test_other_inputs_and_errors_of_the_caller_are_raised(sample: Sample, tmp_path: Path) -> None:
    other = replace(sample.spec, inputs=(Tensor("picture", "float32", (2,), ""),))
    with pytest.raises(ConversionError, match="its spec says \\['picture'\\]"):
        convert(sample.saved_model, other, ["float32"], examples)

    def none() -> Mapping[str, Array]:
        raise DataError("no training example")

    with pytest.raises(DataError, match="no training example"):
        convert(sample.saved_model, sample.spec, ["int8"], none)


def test_a_saved_model_that_cannot_be_loaded_is_every_variants_reason(
    sample: Sample, tmp_path: Path
) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no protobuf")
    made = convert(tmp_path, sample.spec, ["float32", "dynamic"], examples)
    assert set(made) == {"float32", "dynamic"}
    for reason in made.values():
        assert isinstance(reason, ConversionError)
        assert str(reason).startswith("TensorFlow Lite's converter failed: OSError: Cannot parse")
        assert str(reason).endswith(", before a variant was begun")


def test_the_child_gets_none_of_the_users_environment(
    sample: Sample, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A package of the user's, found by PYTHONPATH, must not replace the project's."""
    (tmp_path / "mobile.py").write_text("raise SystemExit('the wrong package')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    isolated._kept.cache_clear()
    child: Any = isolated.child
    assert child.__name__ == "mobile.conversion.child"
    made = convert(sample.saved_model, sample.spec, ["float32"], examples)
    assert isinstance(made["float32"], bytes), made["float32"]
