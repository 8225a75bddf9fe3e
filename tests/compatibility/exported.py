"""A row's SavedModel, made by the product's exporter, with its spec, inputs and answers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core.agreement.target import ConvertConfig
from core.arrays import Array
from models.contract import SIGNATURE_TENSORS
from models.examples import plain
from models.spec import ModelSpec, Tensor
from pipeline.training.export import export
from tests.compatibility.row import EXAMPLES, Row
from tests.compatibility.weights import randomise

MODEL = "row"
WEIGHTS_SEED, INPUTS_SEED, CALIBRATION_SEED = 7, 1, 2
# How many examples calibrate 8-bit files besides those that are tried. Without the latter, the
# table would tell how well the former cover the range, not what an operator does in 8 bits.
MORE_CALIBRATION = 96
# A row with classes is tried with inputs to which the two highest answers differ by this share of
# the highest one: others change their class at the slightest difference.
MARGIN, DRAWN = 0.1, 4 * EXAMPLES
# The least difference of answers, relative to the largest: below it a wrong one could go unseen.
LEAST_SPREAD = 0.2


@dataclass(frozen=True)
class RowSpec(ModelSpec):
    """The spec of a row: its module ``features`` is made from its inputs."""

    def module(self, part: str) -> Any:
        assert part == "features", part
        return SimpleNamespace(FEATURES=self._features(), raw_inputs=self._raw_inputs)

    def _features(self) -> dict[str, Any]:
        import tensorflow as tf

        features = {
            tensor.name: tf.io.FixedLenFeature(tensor.shape, _stored(tensor.dtype))
            for tensor in self.inputs
        }
        return {**features, self.label_key: tf.io.FixedLenFeature([], tf.int64)}

    def _raw_inputs(self, features: Mapping[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        return {
            tensor.name: features[tensor.name]
            if tensor.dtype == "string"
            else tf.cast(features[tensor.name], tensor.dtype)
            for tensor in self.inputs
        }


@dataclass(frozen=True)
class Exported:
    """A row's files in its folder."""

    folder: Path

    @property
    def saved_model(self) -> Path:
        return self.folder / "saved_model"

    @property
    def config(self) -> ConvertConfig:
        return ConvertConfig(examples=self.folder / "examples", golden=self.inputs)

    @property
    def inputs(self) -> Path:
        """Returns the folder with ``input.<name>.npy``."""
        return self.folder / "inputs"

    def spec(self, target: str, variants: tuple[str, ...]) -> ModelSpec:
        """Returns the row's spec with limits for these variants of one target."""
        from models.spec import Limits

        described = json.loads((self.folder / "spec.json").read_text())
        inputs, outputs = (
            tuple(Tensor(**{**each, "shape": tuple(each["shape"])}) for each in described[part])
            for part in ("inputs", "outputs")
        )
        return replace(_spec(inputs, outputs), limits={target: {v: Limits(0.0) for v in variants}})

    def expected(self) -> dict[str, Array]:
        """Returns the SavedModel's answers, by the outputs' names."""
        return {
            file.name.removeprefix("output.").removesuffix(".npy"): np.load(file)
            for file in sorted((self.folder / "expected").glob("output.*.npy"))
        }


def made(row: Row, folder: Path) -> tuple[Exported, dict[str, Array], bool]:
    """Exports a row's model. Raises ValueError like tried_with.

    Returns its files, Keras' own answers, and whether Keras computes at least in float32.
    """
    import tensorflow as tf

    exported = Exported(folder)
    model = row.build()
    randomise(model, WEIGHTS_SEED)
    spec = _spec(
        _inputs(row, model),
        tuple(Tensor(name, "float32", (), "") for name in _names(model)),
    )
    inputs, answers = tried_with(row, model)
    export(model, spec, exported.saved_model)
    signature = tf.saved_model.load(str(exported.saved_model)).signatures[SIGNATURE_TENSORS]
    expected = signature(**{name: tf.constant(values) for name, values in inputs.items()})
    for place, name, arrays in (
        (exported.inputs, "input", inputs),
        (folder / "expected", "output", {n: plain(v.numpy()) for n, v in expected.items()}),
    ):
        place.mkdir(parents=True)
        for key, values in arrays.items():
            np.save(place / f"{name}.{key}.npy", values)
    outputs = tuple(
        Tensor(tensor.name, value.dtype.name, tuple(value.shape[1:]), "")
        for tensor in spec.outputs
        for value in (expected[tensor.name],)
    )
    (folder / "spec.json").write_text(
        json.dumps(
            {
                "inputs": [asdict(each) for each in spec.inputs],
                "outputs": [asdict(each) for each in outputs],
            }
        )
    )
    others = row.draw(spec.inputs, MORE_CALIBRATION, CALIBRATION_SEED)
    _write_examples({n: np.concatenate([v, others[n]]) for n, v in inputs.items()}, exported)
    exact = not any(each.compute_dtype in ("float16", "bfloat16") for each in model.layers)
    return exported, answers, exact


def tried_with(row: Row, model: Any) -> tuple[dict[str, Array], dict[str, Array]]:
    """Returns the inputs that a row is tried with, and the Keras model's answers to them.

    Raises ValueError when the model hardly tells them apart.
    """
    import tensorflow as tf

    inputs = row.draw(_inputs(row, model), DRAWN if row.classes else EXAMPLES, INPUTS_SEED)
    answers = _named(model({n: tf.constant(v) for n, v in inputs.items()}, training=False))
    if row.classes:
        (values,) = answers.values()
        second, first = np.sort(values.astype(np.float64), axis=-1)[..., -2:].T
        clear = np.flatnonzero(first - second >= MARGIN * np.abs(values).max())[:EXAMPLES]
        inputs = {name: each[clear] for name, each in inputs.items()}
        answers = {name: each[clear] for name, each in answers.items()}
    if any(len(each) < EXAMPLES for each in inputs.values()):
        raise ValueError(f"{row.name}: the top class is too close to the second for most inputs")
    require_telling(row, answers)
    return inputs, answers


def _inputs(row: Row, model: Any) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(each.name, each.dtype, row.shapes.get(each.name, tuple(each.shape[1:])), "")
        for each in model.inputs
    )


def require_telling(row: Row, answers: Mapping[str, Array]) -> None:
    """Raises ValueError when answers to different inputs are alike."""
    for name, values in answers.items():
        rows = values.reshape(len(values), -1).astype(np.float64)
        finite = rows[np.isfinite(rows)]
        largest = float(np.abs(finite).max()) if finite.size else 0.0
        spread = float(np.ptp(np.where(np.isfinite(rows), rows, 0.0), axis=0).max())
        if spread < LEAST_SPREAD * largest or not spread:
            raise ValueError(f"{row.name}: output {name!r} varies by {spread:.2g} of {largest:.2g}")
        if row.classes and len(np.unique(rows.argmax(axis=1))) < 2:
            raise ValueError(f"{row.name}: all inputs have the same top class")


def _spec(inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> RowSpec:
    classes = outputs[0].shape[-1] if outputs[0].shape else 1
    return RowSpec(
        name=MODEL,
        title=MODEL,
        description="A row of the compatibility table.",
        inputs=inputs,
        outputs=outputs,
        labels=tuple(f"class {number}" for number in range(classes)),
        profiles={},
        limits={},
    )


def _names(model: Any) -> list[str]:
    return list(model.output) if isinstance(model.output, dict) else ["output"]


def _named(answer: Any) -> dict[str, Array]:
    outputs = answer if isinstance(answer, dict) else {"output": answer}
    return {name: np.asarray(value) for name, value in outputs.items()}


def _stored(dtype: str) -> Any:
    """Returns the type in which a tf.Example holds values."""
    import tensorflow as tf

    if dtype == "string":
        return tf.string
    return tf.float32 if tf.as_dtype(dtype).is_floating else tf.int64


def _write_examples(inputs: Mapping[str, Array], exported: Exported) -> None:
    import tensorflow as tf

    exported.config.examples.mkdir()
    file = exported.config.examples / "examples.tfrecord.gz"
    with tf.io.TFRecordWriter(str(file), tf.io.TFRecordOptions("GZIP")) as writer:
        for number in range(EXAMPLES + MORE_CALIBRATION):
            example = tf.train.Example()
            example.features.feature["label"].int64_list.value.append(number % 2)
            for name, values in inputs.items():
                feature, flat = example.features.feature[name], np.ravel(values[number])
                if flat.dtype.kind == "U":
                    feature.bytes_list.value.extend(text.encode() for text in flat.tolist())
                elif flat.dtype.kind == "f":
                    feature.float_list.value.extend(flat.tolist())
                else:
                    feature.int64_list.value.extend(int(each) for each in flat)
            writer.write(example.SerializeToString())
