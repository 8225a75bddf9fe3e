"""Times a transformer and an LSTM in the page, against TensorFlow.js as it is installed.

``make bench-web`` runs this as well. The released runner has its default engine, wasm. The page to
compare it with has the complete TensorFlow.js on its cpu backend, and what its converter makes of
the same Keras model: its wasm backend runs neither. A third one is the released runner on the cpu
backend: how much of the difference is the backend's. All pages take turns.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from core.agreement.golden import Golden
from core.agreement.target import ConvertConfig
from core.arrays import Array
from core.errors import FanoutError
from core.toolchain import ROOT, WEB, WEB_CONVERTER_PYTHON, require
from models.spec import Limits, ModelSpec, Output, Tensor
from pipeline.training.export import export
from web import target
from web.checks.driver import run_script
from web.server.site_server import serving
from web.site import build

PAGES = ROOT / "benchmarks" / "web_pages"
LEAST_SPEED_UP = 3.0
MOST_DIFFERENCE = 1e-4
ROUNDS, TIMED, SECONDS = 5, 100, 120.0
STEPS, WIDTH, CLASSES, WORDS = 32, 64, 10, 1000
LAYERS, HEADS = 2, 4
HTML = '<!doctype html><meta charset="utf-8"><title>bench</title>{}<script type="module" src="{}">'


@dataclass(frozen=True)
class Network:
    """A model with random weights, its input, and values for it."""

    name: str
    title: str
    build: Callable[[Any], Any]
    input: Tensor
    values: Callable[[np.random.Generator, tuple[int, ...]], Array]


class Spec(ModelSpec):
    """A model's spec without a folder: what the exporter needs of its features is made here."""

    def module(self, part: str) -> Any:  # noqa: ARG002 - any part is the same
        """Returns the features of the input, for any part."""
        import tensorflow as tf

        (tensor,) = self.inputs
        stored = tf.int64 if tensor.dtype == "int32" else tensor.dtype
        return SimpleNamespace(
            FEATURES={tensor.name: tf.io.FixedLenFeature(tensor.shape, stored)},
            raw_inputs=lambda raw: {tensor.name: tf.cast(raw[tensor.name], tensor.dtype)},
        )


def transformer(tokens: Any) -> Any:
    """Returns an encoder's output: layers of attention and of two dense layers, with residuals."""
    from keras import layers

    x = layers.Embedding(WORDS, WIDTH)(tokens)
    for _ in range(LAYERS):
        attended = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(x, x)
        x = layers.LayerNormalization()(x + attended)
        hidden = layers.Dense(4 * WIDTH, activation="relu")(x)
        x = layers.LayerNormalization()(x + layers.Dense(WIDTH)(hidden))
    return layers.GlobalAveragePooling1D()(x)


def lstm(steps: Any) -> Any:
    """Returns the last output of an LSTM."""
    from keras import layers

    return layers.LSTM(WIDTH)(steps)


NETWORKS = (
    Network(
        "transformer",
        f"transformer, {LAYERS} layers, {WIDTH} wide, {STEPS} tokens",
        transformer,
        Tensor("tokens", "int32", (STEPS,), "Ids of words.", 0, WORDS - 1),
        lambda random, shape: random.integers(0, WORDS, shape).astype(np.int32),
    ),
    Network(
        "lstm",
        f"LSTM, {WIDTH} units, {STEPS} steps",
        lstm,
        Tensor("steps", "float32", (STEPS, WIDTH), "A sequence.", -1.0, 1.0),
        lambda random, shape: random.uniform(-1, 1, shape).astype(np.float32),
    ),
)


def main() -> int:
    try:
        return bench(NETWORKS)
    except FanoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def bench(networks: tuple[Network, ...]) -> int:
    """Prints one row per network and page; returns 1 when a network is not fast enough."""
    enough = True
    print(f"\nmedian of {ROUNDS} visits; {TIMED} predictions in each")
    print(f"{'network':<48}{'page':<24}{'first ms':>10}{'p50 ms':>9}{'difference':>12}")
    for network in networks:
        with tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder:
            rows, expected = _measured(network, Path(folder))
        for row in rows:
            difference = np.abs(np.array(row["output"]) - expected).max()
            enough &= bool(difference <= MOST_DIFFERENCE)
            figures = f"{row['firstMs']:>10.0f}{row['p50Ms']:>9.2f}{difference:>12.1e}"
            print(f"{network.title:<48}{row['page']:<24}{figures}")
        ours, plain, other_engine = (row["p50Ms"] for row in rows)
        enough &= plain / ours >= LEAST_SPEED_UP
        print(
            f"{'':<48}{plain / ours:.1f} times as fast (limit: at least {LEAST_SPEED_UP}); "
            f"{other_engine / ours:.1f} times as fast as on cpu"
        )
    return 0 if enough else 1


def _measured(network: Network, folder: Path) -> tuple[list[dict[str, Any]], Array]:
    """Returns a row per page, and the SavedModel's answer to the example.

    The first page is ours, the second the one to compare with.
    """
    spec = _spec(network)
    golden = _exported(network, spec, folder)
    golden.save(folder / "golden")
    config = ConvertConfig(folder, folder / "golden")
    site = target.convert(folder / "saved_model", folder / "site", spec=spec, config=config)
    if not (site.folder / "build.json").is_file():
        [refused] = target.check(site, golden, limits=spec.limits["web"])
        raise FanoutError(refused.reason)
    _convert_plainly(folder / "keras", folder / "plain")
    _place_pages(folder)
    with serving(folder) as url:
        job = {
            "pages": {
                "tf-fanout, wasm": f"{url}ours.html",
                "TensorFlow.js, cpu": f"{url}plain.html",
                "tf-fanout, cpu": f"{url}ours.html?engine=cpu",
            },
            "inputs": {name: rows[0].ravel().tolist() for name, rows in golden.inputs.items()},
            "rounds": ROUNDS,
            "timed": TIMED,
            "timeout": SECONDS * 1000,
        }
        (answers,) = golden.outputs.values()
        return run_script("bench", job, seconds=SECONDS * ROUNDS * 3)["rows"], answers[0]


def _spec(network: Network) -> Spec:
    return Spec(
        name=network.name,
        title=network.title,
        description=network.title,
        inputs=(network.input,),
        outputs=(Output("probabilities", "float32", (CLASSES,), "One a label.", 0.0, 1.0),),
        labels=tuple("abcdefghij"),
        profiles={},
        limits={"web": {"float32": Limits(agreement=0.99, max_abs_diff=MOST_DIFFERENCE)}},
        golden_examples=4,
    )


def _exported(network: Network, spec: Spec, folder: Path) -> Golden:
    """Exports the model as this project does, and as Keras does; returns the model's answers."""
    import keras

    keras.utils.set_random_seed(1)
    (tensor,) = spec.inputs
    given = keras.Input(tensor.shape, dtype=tensor.dtype, name=tensor.name)
    scores = keras.layers.Dense(CLASSES, activation="softmax")(network.build(given))
    model = keras.Model({tensor.name: given}, scores)
    export(model, spec, folder / "saved_model")
    model.export(str(folder / "keras"), verbose=False)
    values = network.values(np.random.default_rng(2), (8, *tensor.shape))
    answer = np.asarray(model({tensor.name: values}))
    output = spec.outputs[0]
    return Golden({tensor.name: values}, {output.name: answer}, {}, spec.outputs)


def _convert_plainly(saved_model: Path, out_dir: Path) -> None:
    converter = require(WEB_CONVERTER_PYTHON).with_name("tensorflowjs_converter")
    command = [converter, "--input_format=tf_saved_model", "--control_flow_v2=True"]
    done = subprocess.run(
        [*command, saved_model, out_dir], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FanoutError(f"tensorflowjs_converter failed: {done.stderr.strip()[-500:]}")


def _place_pages(folder: Path) -> None:
    scripts = ""
    for package in ("core", "converter", "backend-cpu"):
        name = f"tf-{package}.min.js"
        dist = require(WEB / "node_modules" / "@tensorflow" / f"tfjs-{package}") / "dist"
        shutil.copy(dist / name, folder)
        scripts += f'<script src="{name}"></script>'
    for name, before in (("ours", ""), ("plain", scripts)):
        shutil.copy(PAGES / f"{name}.js", folder)
        (folder / f"{name}.html").write_text(HTML.format(before, f"{name}.js") + "</script>")
    build.compress(folder)


if __name__ == "__main__":
    sys.exit(main())
