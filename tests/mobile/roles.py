"""Releases of small networks that give every kind of answer, and take every kind of input."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.agreement.golden import Golden
from core.arrays import Array
from mobile.conversion.conversion import Source
from mobile.conversion.metadata import with_metadata
from mobile.conversion.variants import variant_named
from models.contract import contract
from models.spec import ModelSpec, Output, Tensor

SIZE = 16
EXAMPLES = 16
VARIANTS = ("float32", "int8", "int8_uint8")
FLOAT = "float32"

ALL_ROLES = (
    Output("kind", FLOAT, (3,), "What it is.", role="classification", labels=("cat", "dog", "owl")),
    Output(
        "sharp", FLOAT, (1,), "Whether it is sharp.", role="binary", labels=("blurred", "sharp")
    ),
    Output("tags", FLOAT, (4,), "What is in it.", role="multi_label", labels=("a", "b", "c", "d")),
    Output("warmth", FLOAT, (1,), "How warm it is.", role="regression", unit="°C"),
    Output(
        *("ground", FLOAT, (SIZE, SIZE, 2), "What each pixel is."),
        role="segmentation",
        labels=("grass", "sky"),
    ),
    Output("corners", FLOAT, (4, 4), "Where things are.", role="detection", part="boxes"),
    Output(
        *("certainty", FLOAT, (4, 2), "Which things they are."),
        role="detection",
        part="scores",
        labels=("ball", "kite"),
        threshold=0.4,
    ),
    Output("vector", FLOAT, (12,), "What it is like.", role="embedding"),
    Output("rest", FLOAT, (2, 3), "Other numbers.", role="tensor"),
)


@dataclass(frozen=True)
class Release:
    """A release's folder, as far as devices need it, and what it was made from."""

    folder: Path
    spec: ModelSpec
    golden: Golden

    def file(self, variant: str) -> Path:
        return self.folder / "mobile" / f"{self.spec.name}.{variant}.tflite"

    def of_roles(self, *names: str) -> Path:
        """Returns the path of a contract, in a folder with its examples, of these roles only."""
        outputs = tuple(output for output in self.spec.outputs if output.role in names)
        folder = self.folder / "-".join(names)
        folder.mkdir(exist_ok=True)
        write_contract(folder, replace(self.spec, outputs=outputs, labels=()))
        (folder / "golden.json").write_bytes((self.folder / "golden.json").read_bytes())
        return folder / "contract.json"


def write_contract(folder: Path, spec: ModelSpec) -> None:
    (folder / "contract.json").write_text(json.dumps(contract(spec, version=1)))


def spec_of(name: str, inputs: tuple[Tensor, ...], outputs: tuple[Output, ...]) -> ModelSpec:
    return ModelSpec(name, f"Of {name}", "For tests.", inputs, outputs, profiles={}, limits={})


def release(
    folder: Path,
    spec: ModelSpec,
    network: Any,
    inputs: Mapping[str, Array],
    variants: tuple[str, ...],
) -> Release:
    """Writes a release of a Keras network."""
    import tensorflow as tf

    held = tf.Module()
    held.weights = [variable.value for variable in network.variables]
    tables = (getattr(layer, "lookup_table", None) for layer in network.layers)
    held.tables = [table for table in tables if table is not None]

    def model(tensors: Mapping[str, Any]) -> Any:
        return network(dict(tensors), training=False)

    signature = tf.function(lambda **tensors: model(tensors)).get_concrete_function(
        **{
            tensor.name: tf.TensorSpec((None, *tensor.shape), tensor.dtype, name=tensor.name)
            for tensor in spec.inputs
        }
    )
    tf.saved_model.save(held, str(folder / "saved_model"), {"serving_default": signature})
    answers = signature(**{name: tf.constant(values) for name, values in inputs.items()})
    outputs = {output.name: answers[output.name].numpy() for output in spec.outputs}
    named = spec.outputs[0]
    truths = {named.name: outputs[named.name].argmax(axis=1)} if named.labels else {}
    golden = Golden(inputs, outputs, truths, spec.outputs)
    (folder / "golden.json").write_text(golden.to_json(model=spec.name, version=1))
    write_contract(folder, spec)
    made = Release(folder, spec, golden)
    (folder / "mobile").mkdir()
    source = Source(folder / "saved_model", spec)
    for variant in variants:
        content = source.convert(variant_named(variant), inputs)
        made.file(variant).write_bytes(with_metadata(content, spec, variant))
    return made


def pictures(count: int) -> Array:
    """Returns uint8 pictures of two coloured halves, (count, SIZE, SIZE, 3)."""
    random = np.random.default_rng(8)
    images = np.zeros((count, SIZE, SIZE, 3), np.uint8)
    for image in images:
        line = random.integers(4, SIZE - 4)
        image[:line], image[line:] = random.integers(0, 256, (2, 3))
    return images


def all_roles(folder: Path) -> Release:
    """Writes a release of an untrained network with an output of every role."""
    import keras

    keras.utils.set_random_seed(4)
    layers = keras.layers
    # Kernels large enough that answers differ from picture to picture.
    dense = {"kernel_initializer": keras.initializers.RandomNormal(stddev=0.8)}
    image = keras.Input((SIZE, SIZE, 3), dtype="uint8", name="image")
    scaled = layers.Rescaling(1 / 127.5, offset=-1.0)(image)
    features = layers.Conv2D(6, 3, padding="same", activation="relu")(scaled)
    pooled = layers.Flatten()(layers.AveragePooling2D(8)(features))
    outputs = {
        "kind": layers.Dense(3, activation="softmax", **dense)(pooled),
        "sharp": layers.Dense(1, activation="sigmoid", **dense)(pooled),
        "tags": layers.Dense(4, activation="sigmoid", **dense)(pooled),
        "warmth": layers.Dense(1, **dense)(pooled),
        "ground": layers.Conv2D(2, 1, activation="softmax")(features),
        "corners": layers.Reshape((4, 4))(layers.Dense(16, activation="sigmoid", **dense)(pooled)),
        "certainty": layers.Reshape((4, 2))(layers.Dense(8, activation="sigmoid", **dense)(pooled)),
        "vector": layers.Dense(12, **dense)(pooled),
        "rest": layers.Reshape((2, 3))(layers.Dense(6, **dense)(pooled)),
    }
    network = keras.Model({"image": image}, outputs)
    picture = Tensor("image", "uint8", (SIZE, SIZE, 3), "A picture.", 0.0, 255.0, kind="image")
    spec = spec_of("roles", (picture,), ALL_ROLES)
    return release(folder, spec, network, {"image": pictures(EXAMPLES)}, VARIANTS)


MIXED_INPUTS = (
    # Not from 0 to 255: programs that read files must scale the bytes.
    Tensor("photo", FLOAT, (4, 4, 1), "A picture.", -1.0, 1.0, kind="image"),
    Tensor("flags", "bool", (2,), "True or false."),
    Tensor("small", "int8", (3,), "Small numbers.", -128.0, 127.0),
    Tensor("ids", "int64", (5,), "Ids.", 0.0, 99.0, padding=0),
    Tensor("half", "float16", (2,), "Numbers."),
    Tensor("count", "uint8", (), "A number.", 0.0, 255.0),
    Tensor("word", "string", (), "A word.", missing=""),
)
MIXED_OUTPUTS = (
    Output("scores", FLOAT, (3,), "How sure.", role="detection", part="scores"),
    Output(
        *("boxes", FLOAT, (3, 4), "Where."),
        role="detection",
        part="boxes",
        box_format="xyxy",
    ),
    Output(
        *("classes", FLOAT, (3,), "Which."), role="detection", part="classes", labels=("x", "y")
    ),
    Output("sizes", FLOAT, (2,), "How large.", role="regression", unit="m", labels=("w", "h")),
)


def mixed_inputs(folder: Path) -> Release:
    """Writes a release of an untrained network with an input of every type."""
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    inputs = {
        tensor.name: keras.Input(tensor.shape, dtype=tensor.dtype, name=tensor.name)
        for tensor in MIXED_INPUTS
    }
    words = layers.StringLookup(vocabulary=["left", "right"], output_mode="int")
    parts = [
        layers.Flatten()(inputs["photo"]),
        keras.ops.cast(inputs["flags"], FLOAT),
        keras.ops.cast(inputs["small"], FLOAT) / 128,
        layers.Flatten()(layers.Embedding(100, 2)(inputs["ids"])) * 10,
        keras.ops.cast(inputs["half"], FLOAT),
        keras.ops.reshape(keras.ops.cast(inputs["count"], FLOAT), (-1, 1)) / 255,
        keras.ops.reshape(keras.ops.cast(words(inputs["word"]), FLOAT), (-1, 1)),
    ]
    values = layers.Concatenate()(parts)
    classes = layers.Dense(3, activation="sigmoid")(values)
    network = keras.Model(
        inputs,
        {
            "scores": layers.Dense(3, activation="sigmoid")(values),
            "boxes": layers.Reshape((3, 4))(layers.Dense(12, activation="sigmoid")(values)) * 4,
            "classes": keras.ops.cast(classes > 0.5, FLOAT),
            "sizes": layers.Dense(2)(values),
        },
    )
    random = np.random.default_rng(9)
    values = {
        "photo": random.uniform(-1, 1, (EXAMPLES, 4, 4, 1)).astype(np.float32),
        "flags": random.random((EXAMPLES, 2)) > 0.5,
        "small": random.integers(-128, 128, (EXAMPLES, 3), np.int8),
        "ids": random.integers(0, 100, (EXAMPLES, 5), np.int64),
        "half": random.normal(0, 1, (EXAMPLES, 2)).astype(np.float16),
        "count": random.integers(0, 256, EXAMPLES, np.uint8),
        "word": random.choice(["left", "right", "", "Île"], EXAMPLES),
    }
    spec = spec_of("mixed", MIXED_INPUTS, MIXED_OUTPUTS)
    return release(folder, spec, network, values, ("float32",))
