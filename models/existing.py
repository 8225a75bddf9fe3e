"""Models that were trained elsewhere: a .keras file or a SavedModel, checked and fanned out.

Their data is unknown, so they are run on made-up inputs. The true class of each input is the
model's own answer. *Accuracy* therefore says how much of the model survived the export, and
*agreement* says how much of that each target kept.
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import DataError, UserError
from core.files import sha256
from models.examples import Value
from models.spec import Tensor
from models.tracing import portable

SEED = 7
BATCH = 32
# Made-up inputs are a whole number of these steps of their range: they print short and read back
# as the same values.
STEPS = 255
COUNTS = {"train": 64, "eval": 16, "test": 128}


class UntrustedModelError(UserError):
    """The file holds code that would run when the file is loaded."""


@dataclass(frozen=True)
class Existing:
    """A model file or folder, with its inputs and its output.

    Attributes:
        path: a ``.keras`` file or a SavedModel's folder.
        digest: the digest of its contents, which identifies it.
        inputs: the inputs of the exported model, under this project's names.
        names: for each of these names, the model's own name of the input.
        output: the model's own name of its output; empty where it has only one.
        trusted: whether code in a ``.keras`` file (Lambda layers) may be run.
        whole: the inputs that take whole numbers only, such as ids, whatever their type.
        padding: for each input that is a sequence of varying length, the value that fills its end,
            which the model masks.
    """

    path: Path
    digest: str
    inputs: tuple[Tensor, ...]
    names: Mapping[str, str]
    output: str = ""
    trusted: bool = False
    whole: tuple[str, ...] = ()
    padding: Mapping[str, float] = field(default_factory=dict)

    @property
    def features(self) -> dict[str, Any]:
        """Returns the parsing spec of a tf.Example: the raw inputs and the label."""
        import tensorflow as tf

        inputs = {
            tensor.name: tf.io.FixedLenFeature(tensor.shape, tf.float32) for tensor in self.inputs
        }
        return {**inputs, "label": tf.io.FixedLenFeature([], tf.int64)}

    def raw_inputs(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the inputs, each cast to its own type."""
        import tensorflow as tf

        return {tensor.name: tf.cast(features[tensor.name], tensor.dtype) for tensor in self.inputs}

    def network(self) -> Any:
        """Returns the model as an exportable callable that takes inputs by this project's names.

        Raises:
            DataError: it is missing, or differs from the model that was inspected.
            UntrustedModelError: the file holds code and is not trusted.
            UserError: the file cannot be loaded.
        """
        import tensorflow as tf

        got = digest_of(self.path)
        if got != self.digest:
            raise DataError(
                f"{self.path} changed: its digest is {got}. If that is intended and the model "
                "still has the same inputs and output, write this digest into existing.py"
            )
        call, tracked = (self._keras if self.path.is_file() else self._saved_model)()

        class Network(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
            def __init__(self) -> None:
                super().__init__()
                self.tracked = tracked

            def __call__(self, inputs: Mapping[str, Any]) -> Any:
                return call(inputs)

        return Network()

    def examples(self, split: str, limit: int | None) -> Iterator[dict[str, Value]]:
        """Yields made-up inputs within their ranges, labelled with the model's own answer."""
        random = np.random.default_rng([SEED, list(COUNTS).index(split)])
        network = self.network()
        count = min(COUNTS[split], limit or COUNTS[split])
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            batch = {
                tensor.name: made_up(
                    tensor,
                    size,
                    random,
                    whole=tensor.name in self.whole,
                    padding=self.padding.get(tensor.name),
                )
                for tensor in self.inputs
            }
            # As the exported model computes it.
            with portable(network):
                answers = np.asarray(network(batch))
            for row in range(size):
                values = {name: rows[row].ravel().tolist() for name, rows in batch.items()}
                yield {**values, "label": int(answers[row].argmax())}

    def _keras(self) -> tuple[Callable[[Mapping[str, Any]], Any], Any]:
        model = load_keras(self.path, trusted=self.trusted)
        places = [tensor.name for tensor in model.inputs]
        ours = {theirs: name for name, theirs in self.names.items()}

        def call(inputs: Mapping[str, Any]) -> Any:
            ordered = [inputs[ours[place]] for place in places]
            answer = model(ordered if len(ordered) > 1 else ordered[0], training=False)
            return answer[self.output] if isinstance(answer, dict) else answer

        return call, model

    def _saved_model(self) -> tuple[Callable[[Mapping[str, Any]], Any], Any]:
        import tensorflow as tf

        loaded = tf.saved_model.load(str(self.path))
        signature = loaded.signatures["serving_default"]

        def call(inputs: Mapping[str, Any]) -> Any:
            named = {self.names[name]: tf.convert_to_tensor(each) for name, each in inputs.items()}
            return signature(**named)[self.output]

        return call, loaded


def digest_of(path: Path) -> str:
    """Returns the SHA-256 of a file, or of the names and contents of all files in a folder."""
    if path.is_file():
        return sha256(path)
    digest = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        digest.update(f"{file.relative_to(path)}\0{sha256(file)}\n".encode())
    return digest.hexdigest()


def made_up(
    tensor: Tensor,
    count: int,
    random: np.random.Generator,
    *,
    whole: bool = False,
    padding: float | None = None,
) -> Any:
    """Returns inputs drawn uniformly from the tensor's range, of shape (count, …).

    Args:
        tensor: its type, shape and range.
        count: the number of inputs.
        random: the source of chance.
        whole: whether to draw whole numbers only. Integer tensors always get them.
        padding: the value that fills the end of each sequence, whose steps are along the first
            dimension of the tensor's shape; None for inputs that are not padded.
    """
    low = 0.0 if tensor.minimum is None else tensor.minimum
    high = 1.0 if tensor.maximum is None else tensor.maximum
    shape = (count, *tensor.shape)
    if whole or np.issubdtype(np.dtype(tensor.dtype), np.integer):
        # The padding is not the value of a step.
        first = ceil(low) + (padding == ceil(low))
        values: Any = random.integers(first, max(floor(high), first) + 1, shape)
    else:
        values = low + random.integers(0, STEPS + 1, shape) * ((high - low) / STEPS)
    if padding is not None and tensor.shape:
        lengths = random.integers(1, tensor.shape[0] + 1, count)
        values[np.arange(tensor.shape[0]) >= lengths[:, None]] = padding
    return values.astype(tensor.dtype)


def load_keras(file: Path, *, trusted: bool) -> Any:
    """Returns the Keras model in a ``.keras`` file.

    Raises:
        DataError: the file is missing.
        UntrustedModelError: it has Lambda layers, which are Python code, and is not trusted.
        UserError: it is not a ``.keras`` file, or this version of Keras cannot load it.
    """
    import keras

    version = _keras_version(file)
    try:
        return keras.models.load_model(file, compile=False, safe_mode=not trusted)
    except Exception as error:
        reason = " ".join(str(error).split())
        if "ambda" in reason and not trusted:
            raise UntrustedModelError(
                f"{file} has a Lambda layer: Python code that runs when the file is loaded. "
                "Replace it with a layer of Keras, or give --trust if you trust the file's author"
            ) from error
        if version != keras.__version__:
            versions = f"it was written by Keras {version}, this is Keras {keras.__version__}"
            reason = f"{versions}; {reason}"
        raise UserError(f"{file} cannot be loaded: {reason[:400]}") from error


def _keras_version(file: Path) -> str:
    try:
        with zipfile.ZipFile(file) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])
    except FileNotFoundError as error:
        raise DataError(f"{file} is missing") from error
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(
            f"{file} is not a .keras file; write one with model.save('model.keras')"
        ) from error
