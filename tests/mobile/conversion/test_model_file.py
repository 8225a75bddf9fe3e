"""What a .tflite file says of itself, and files that are none."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.agreement.target import Artifacts
from mobile.conversion.model_file import InvalidModelError, Operator, TensorInfo, read


def test_signature_tensors_and_operators(converted: Artifacts) -> None:
    model = read(converted.variants["float32"])
    signature = model.signature("serving_default")
    assert signature.inputs == (TensorInfo("image", "float32", (1, 28, 28, 1)),)
    assert signature.outputs == (TensorInfo("probabilities", "float32", (1, 10)),)
    assert {operator.name for operator in model.operators} >= {"CONV_2D", "FULLY_CONNECTED"}
    # A fixed batch needs no operator that computes a shape.
    assert not {op.name for op in model.operators} & {"SHAPE", "STRIDED_SLICE", "PACK"}
    assert model.unassigned_variables == 0
    assert model.stated_runtime is not None


def test_quantised_tensors_say_how(converted: Artifacts) -> None:
    signature = read(converted.variants["int8_uint8"]).signature("serving_default")
    (image,), (probabilities,) = signature.inputs, signature.outputs
    assert (image.dtype, probabilities.dtype) == ("uint8", "uint8")
    assert image.scale == pytest.approx(1.0, abs=0.05)
    assert (probabilities.scale, probabilities.zero_point) == (1 / 256, 0)


def test_every_variant_keeps_the_signature(converted: Artifacts) -> None:
    for file in converted.variants.values():
        signature = read(file).signature("serving_default")
        assert [tensor.alias for tensor in signature.inputs] == ["image"]
        assert [tensor.alias for tensor in signature.outputs] == ["probabilities"]


def test_dense_layers_stay_at_a_version_that_old_runtimes_have(converted: Artifacts) -> None:
    for file in converted.variants.values():
        for operator in read(file).operators:
            if operator.name == "FULLY_CONNECTED":
                assert operator.version <= 9, (file.name, operator)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a TensorFlow Lite model"),
        (b"hello, world", "not a TensorFlow Lite model: bytes 4 to 8"),
        (b"\x08\0\0\0TFL3", "damaged or truncated"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(100), "damaged or truncated"),
    ],
)
def test_what_is_no_model_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.tflite").write_bytes(content)
    with pytest.raises(InvalidModelError, match=message):
        read(tmp_path / "x.tflite")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelError, match="No such file"):
        read(tmp_path / "none.tflite")


def test_an_unknown_signature_names_those_there_are(converted: Artifacts) -> None:
    with pytest.raises(InvalidModelError, match="it has: serving_default"):
        read(converted.variants["float32"]).signature("main")


def test_an_operator_prints_as_runtimes_name_it() -> None:
    assert str(Operator("CONV_2D", 3)) == "CONV_2D version 3"


def test_reading_does_not_import_tensorflow(converted: Artifacts) -> None:
    code = (
        "import sys; from pathlib import Path; from mobile.conversion.model_file import read;"
        f"read(Path({str(converted.variants['int8'])!r}));"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
