"""The two verbs on a real model: files that are right pass, each kind of wrong file is a row."""

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.agreement import extremes
from core.agreement.target import Artifacts
from mobile import target
from mobile.conversion.conversion import ConversionError, Source
from mobile.conversion.model_file import read, schema
from mobile.conversion.variants import VARIANTS, UnknownVariantError, Variant
from models.spec import Tensor
from pipeline.training.export import export
from tests.golden import classes_golden
from tests.mobile.conftest import EXACT, QUANTISED, Sample, network

TFLITE_RUNTIME, LITERT = "tflite-runtime 2.14.0", "LiteRT 2.3.0"


@pytest.fixture
def copies(converted: Artifacts, tmp_path: Path) -> Artifacts:
    shutil.copytree(converted.folder, tmp_path / "copies")
    files = {name: tmp_path / "copies" / file.name for name, file in converted.variants.items()}
    return Artifacts(converted.model, tmp_path / "copies", files)


def test_every_variant_agrees_in_both_runtimes(converted: Artifacts, sample: Sample) -> None:
    limits = {"float32": EXACT, **{name: QUANTISED for name in VARIANTS if name != "float32"}}
    began = time.monotonic()
    both = sample.golden.with_extremes(extremes.of_saved_model(sample.saved_model, sample.spec))
    assert both.extremes
    checks = target.check(converted, both, limits=limits)
    seconds = time.monotonic() - began
    assert {(check.variant, check.runtime) for check in checks} == {
        (variant, runtime) for variant in VARIANTS for runtime in (TFLITE_RUNTIME, LITERT)
    }
    for check in checks:
        assert (check.status, check.reason) == ("passed", ""), check
        assert check.examples == len(sample.golden)
        assert check.bytes == converted.variants[check.variant].stat().st_size
        assert check.accuracy is not None and check.accuracy > 0.95
        assert check.p50_ms is not None and check.p50_ms > 0
        # Half of the examples took as long at the least.
        assert check.p50_ms / 1e3 * len(sample.golden) / 2 < seconds
        figures = check.figures
        assert figures["p95_ms"] >= check.p50_ms
        assert figures["p50_threads_ms"] and figures["p95_threads_ms"]
        assert figures["threads"] == os.cpu_count()
        assert figures["load_ms"] and 10 < figures["peak_mib"] < 200
        assert check.worst_class_drop is not None and check.worst_class_drop < 0.1
        assert figures["min_runtime"] and "FULLY_CONNECTED" in figures["operators"]


def test_files_are_named_and_found_again(converted: Artifacts, sample: Sample) -> None:
    spec = sample.with_limits({"float32": EXACT, "int8": QUANTISED})
    found = target.artifacts(converted.folder, spec=spec)
    assert found.variants["int8"] == converted.folder / "fashion.int8.tflite"
    assert found.variants["int8"].is_file()
    assert found.size("int8") < found.size("float32")


def test_only_the_variants_with_limits_are_made(sample: Sample, tmp_path: Path) -> None:
    spec = sample.with_limits({"float32": EXACT})
    # No examples are read where nothing is calibrated.
    config = replace(sample.config, examples=tmp_path / "none")
    target.convert(sample.saved_model, tmp_path / "out", spec=spec, config=config)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["fashion.float32.tflite"]


def test_wrong_weights_are_caught(copies: Artifacts, sample: Sample) -> None:
    file = copies.variants["float32"]
    content = file.read_bytes()
    model = schema().Model.GetRootAsModel(content, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    weights = max(buffers, key=lambda buffer: buffer.DataLength()).DataAsNumpy().tobytes()
    wrong = np.frombuffer(weights, "<f4")[::-1].tobytes()
    content = content.replace(weights, wrong)
    file.write_bytes(content)
    for check in target.check(copies, sample.golden, limits={"float32": EXACT}):
        assert check.status == "failed"
        assert "agreement" in check.reason or "difference" in check.reason
        assert check.stops_release


@pytest.mark.parametrize("content", [b"", b"no model at all " * 100], ids=["empty", "text"])
def test_a_file_that_is_no_model_is_a_failed_row(
    copies: Artifacts, sample: Sample, content: bytes
) -> None:
    copies.variants["float32"].write_bytes(content)
    for check in target.check(copies, sample.golden, limits={"float32": EXACT}):
        assert check.status == "failed"
        assert check.reason


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_a_failed_row(copies: Artifacts, sample: Sample, share: float) -> None:
    file = copies.variants["float32"]
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    for check in target.check(copies, sample.golden, limits={"float32": EXACT}):
        assert check.status == "failed"
        assert check.reason


def test_a_missing_file_is_a_failed_row(copies: Artifacts, sample: Sample) -> None:
    copies.variants["int8"].unlink()
    checks = target.check(copies, sample.golden, limits={"float32": EXACT, "int8": QUANTISED})
    assert [(c.variant, c.status) for c in checks] == [
        ("float32", "passed"),
        ("float32", "passed"),
        ("int8", "failed"),
        ("int8", "failed"),
    ]
    assert checks[2].reason == "fashion.int8.tflite is missing"


def test_a_file_for_newer_runtimes_is_reported_by_the_old_one(
    sample: Sample, tmp_path: Path
) -> None:
    class PerChannel(Variant):
        def configure(self, converter: Any) -> None:
            super().configure(converter)
            converter._experimental_disable_per_channel_quantization_for_dense_layers = False

    limits = {"dynamic": QUANTISED}
    content = Source(sample.saved_model, sample.spec).convert(PerChannel("", quantised=True), {})
    made = target.artifacts(tmp_path, spec=sample.with_limits(limits))
    made.variants["dynamic"].write_bytes(content)
    old, new = target.check(made, sample.golden, limits=limits)
    assert (old.runtime, old.status) == (TFLITE_RUNTIME, "failed")
    assert "Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'" in old.reason
    assert "needs TensorFlow Lite 2.17, for FULLY_CONNECTED version 12" in old.reason
    assert (new.runtime, new.status) == (LITERT, "passed")
    assert (new.figures["min_runtime"], new.figures["operators"]["FULLY_CONNECTED"]) == ("2.17", 12)

    # The same file, where the model says what must load it, fails by name in both.
    for found in target.check(
        made, sample.golden, limits={"dynamic": replace(QUANTISED, min_runtime="2.14")}
    ):
        assert found.status == "failed"
        assert found.reason == (
            "fashion.dynamic.tflite needs TensorFlow Lite 2.17, for FULLY_CONNECTED version 12; "
            "its limits require that 2.14 can load it"
        )
    # And where the model asks for no runtime as old as that, the old one is no witness.
    old, new = target.check(
        made, sample.golden, limits={"dynamic": replace(QUANTISED, min_runtime="2.17")}
    )
    assert (old.status, old.required, new.status) == ("skipped", False, "passed")


def test_an_untrained_saved_model_is_caught(sample: Sample, tmp_path: Path) -> None:
    export(network(), sample.spec, tmp_path / "saved")
    limits = {"float32": EXACT}
    made = target.convert(
        tmp_path / "saved", tmp_path / "out", spec=sample.with_limits(limits), config=sample.config
    )
    checks = target.check(made, sample.golden, limits=limits)
    assert [check.status for check in checks] == ["failed", "failed"]
    assert all("accuracy" in check.reason for check in checks)


def test_a_file_converted_without_its_weights_is_told_as_such(
    sample: Sample, copies: Artifacts, tmp_path: Path
) -> None:
    """The plain export of a Keras 3 model converts without an error, and without the weights."""
    import tensorflow as tf

    model = network()
    predict = tf.function(
        lambda image: {"probabilities": model({"image": image})},
        input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.float32, name="image")],
    )
    tf.saved_model.save(model, str(tmp_path / "saved"), signatures={"serving_default": predict})
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path / "saved"), signature_keys=["serving_default"]
    )
    copies.variants["float32"].write_bytes(converter.convert())
    checks = target.check(copies, sample.golden, limits={"float32": EXACT})
    assert len(checks) == 2
    for check in checks:
        assert check.status == "failed"
        assert "has no weights: it reads 4 variables" in check.reason
        assert "ExportArchive" in check.reason


def test_an_operator_of_flex_is_a_failed_row_with_its_name(sample: Sample, tmp_path: Path) -> None:
    import tensorflow as tf

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 28, 28, 1), tf.float32, name="image")])
        def predict(self, image: Any) -> dict[str, Any]:
            flat = tf.reshape(image, (-1, 784))[:, :10]
            return {"probabilities": tf.raw_ops.Betainc(a=flat, b=flat, x=flat)}

    module = Module()
    tf.saved_model.save(
        module, str(tmp_path / "saved"), signatures={"serving_default": module.predict}
    )
    limits = {"float32": EXACT, "dynamic": replace(QUANTISED, required=False)}
    made = target.convert(
        tmp_path / "saved", tmp_path / "out", spec=sample.with_limits(limits), config=sample.config
    )
    for check in target.check(made, sample.golden, limits=limits):
        assert check.status == "failed"
        assert check.stops_release == (check.variant == "float32")
        assert check.reason.startswith("TensorFlow Lite cannot run Betainc: it is not among the")
        assert "leave mobile out of the spec's limits" in check.reason


def test_other_inputs_than_the_spec_says_are_refused(sample: Sample, tmp_path: Path) -> None:
    spec = replace(
        sample.with_limits({"float32": EXACT}), inputs=(Tensor("picture", "float32", (2,), ""),)
    )
    with pytest.raises(ConversionError, match=r"\['image'\], its spec says \['picture'\]"):
        target.convert(sample.saved_model, tmp_path, spec=spec, config=sample.config)


def test_an_output_that_the_spec_says_and_the_model_lacks_is_refused(
    sample: Sample, tmp_path: Path
) -> None:
    spec = replace(
        sample.with_limits({"float32": EXACT}), outputs=(Tensor("logits", "float32", (10,), ""),)
    )
    with pytest.raises(ConversionError, match=r"answers with .*probabilities.* says \['logits'\]"):
        target.convert(sample.saved_model, tmp_path, spec=spec, config=sample.config)


def test_strings_tables_and_several_tensors_survive(sample: Sample, tmp_path: Path) -> None:
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            keys, values = tf.constant(["a", "b", "c"]), tf.constant([0, 1, 2], tf.int64)
            initialiser = tf.lookup.KeyValueTensorInitializer(keys, values)
            self.table = tf.lookup.StaticHashTable(initialiser, 3)
            random = np.random.default_rng(0)
            self.rows = tf.Variable(random.normal(size=(4, 10)).astype(np.float32))
            self.weights = tf.Variable(random.normal(size=(2, 10)).astype(np.float32))

        @tf.function(
            input_signature=[
                tf.TensorSpec((None,), tf.string, name="island"),
                tf.TensorSpec((None, 2), tf.float32, name="size"),
            ]
        )
        def predict(self, island: Any, size: Any) -> dict[str, Any]:
            scores = tf.gather(self.rows, self.table.lookup(island)) + size @ self.weights
            return {"hidden": size * 2, "probabilities": tf.nn.softmax(scores)}

    module = Module()
    tf.saved_model.save(
        module, str(tmp_path / "saved"), signatures={"serving_default": module.predict}
    )
    inputs = {
        "island": np.array([b"a", b"b", b"c"] * 10),
        "size": np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32),
    }
    outputs = module.predict(**{name: tf.constant(rows) for name, rows in inputs.items()})
    golden = classes_golden(inputs, np.arange(30) % 10, outputs["probabilities"].numpy())
    limits = {"float32": EXACT}
    spec = replace(
        sample.with_limits(limits),
        inputs=(Tensor("island", "string", (), ""), Tensor("size", "float32", (2,), "")),
    )
    made = target.convert(tmp_path / "saved", tmp_path / "out", spec=spec, config=sample.config)
    for check in target.check(made, golden, limits=limits):
        assert (check.status, check.reason) == ("passed", "")
    (probabilities,) = [
        tensor
        for tensor in read(made.variants["float32"]).signature("serving_default").outputs
        if tensor.alias == "probabilities"
    ]
    assert probabilities.shape == (1, 10)


def test_an_unknown_variant_is_refused(sample: Sample, tmp_path: Path) -> None:
    spec = sample.with_limits({"int4": EXACT})
    with pytest.raises(UnknownVariantError, match="'int4'; there are: float32, float16"):
        target.convert(sample.saved_model, tmp_path, spec=spec, config=sample.config)
