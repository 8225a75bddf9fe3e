"""Runs the .tflite model in this folder: arrays by input's name in, arrays by output's name out."""

import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

# The files beside this one; on the Pi there is no package.
from pictures import PictureError, load_picture  # type: ignore[import-not-found]
from roles import Head, heads_of  # type: ignore[import-not-found]
from rows import Row, RowsError, read_rows  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
RUNTIMES = ("tflite_runtime", "ai_edge_litert")


class ModelError(Exception):
    """An example, the model or the set-up is wrong; the message says what is wrong."""


class Model:
    """The model in a folder, ready to predict.

    Attributes:
        contract: the content of contract.json.
        inputs: the contract's inputs.
        heads: its answers: an output each, or the outputs of a detection together.
        takes_picture: whether its only input is a picture.
        runtime: the runtime's package.
    """

    def __init__(self, folder: Path = HERE, threads: int = 1) -> None:
        """Raises ModelError when a file is missing or damaged, or no runtime is installed."""
        self.contract = _json(folder / "contract.json")
        try:
            self.inputs: list[dict[str, Any]] = self.contract["inputs"]
            self.heads: tuple[Head, ...] = heads_of(self.contract)
            self.takes_picture: bool = [tensor["kind"] for tensor in self.inputs] == ["image"]
            model = _verified(folder, _json(folder / "model.json"))
            interpreter, self.runtime = _interpreter(model, threads)
            self._run = interpreter.get_signature_runner(self.contract["signatures"]["tensors"])
            details = self._run.get_input_details()
            self._details = {name: details[name] for name in (one["name"] for one in self.inputs)}
            details = self._run.get_output_details()
            names = [output["name"] for output in self.contract["outputs"]]
            self._output_details = {name: details[name] for name in names}
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ModelError(f"contract.json or model.json is damaged: {what}") from None

    def picture(self, content: bytes) -> dict[str, Any]:
        """Returns the picture in a file's bytes in the form that ``predict`` takes.

        Raises:
            ModelError: it is not a picture that can be read, or it is too large.
        """
        try:
            (tensor,) = self.inputs
            return {tensor["name"]: load_picture(content, tensor)[np.newaxis]}
        except PictureError as error:
            raise ModelError(str(error)) from None

    def rows(self, content: bytes, *, table: bool, folder: Path | None = None) -> list[Row]:
        """Returns each row of a CSV or JSON file's bytes; ``predict`` takes its arrays.

        Args:
            table: whether the file is CSV; otherwise it is JSON.
            folder: the folder of the picture files that rows name; None where they may not.

        Raises:
            ModelError: the rows do not fit the model.
        """
        try:
            return list(read_rows(content, self.inputs, table=table, folder=folder))
        except RowsError as error:
            raise ModelError(str(error)) from None

    def predict(self, arrays: dict[str, Any]) -> dict[str, Any]:
        """Returns each output's values, of the contract's shape, by the output's name.

        Args:
            arrays: one array of shape (1, …) per input, by the input's name.

        Raises:
            ModelError: a shape differs from the contract's, or the model does not take the values.
        """
        for tensor in self.inputs:
            shape, got = tuple(tensor["shape"]), arrays[tensor["name"]].shape[1:]
            if got != shape:
                raise ModelError(f"its shape is {got}, but the model takes {shape}")
        stored = {name: _stored(array, self._details[name]) for name, array in arrays.items()}
        try:
            answer = self._run(**stored)
        except (RuntimeError, ValueError) as error:  # such as an id that a table does not have
            raise ModelError(
                f"the model does not take it: {' '.join(str(error).split())}"
            ) from None
        return {
            name: _real(answer[name][0], details) for name, details in self._output_details.items()
        }

    def any_example(self) -> dict[str, Any]:
        """Returns made-up values within the contract's ranges, in the form ``predict`` takes."""
        return {tensor["name"]: _any_values(tensor) for tensor in self.inputs}


def _stored(values: Any, details: dict[str, Any]) -> Any:
    """Returns values as the file's input holds them: quantised, unless they are so already."""
    dtype = np.dtype(details["dtype"])
    if values.dtype.kind == "O" or values.dtype == dtype:
        return values  # texts, or the file's own type
    scale, zero_point = details["quantization"]
    if dtype.kind == "f" or not scale:
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(dtype)


def _real(values: Any, details: dict[str, Any]) -> Any:
    """Returns what the file's output holds as real numbers."""
    values = np.asarray(values)
    scale, zero_point = details["quantization"]
    if scale and values.dtype.kind in "iu":
        return (values.astype(np.float32) - zero_point) * np.float32(scale)
    return values


def _any_values(tensor: dict[str, Any]) -> Any:
    shape = (1, *tensor["shape"])
    if tensor["dtype"] == "string":
        return np.full(shape, b"", dtype=object)
    low, high = (tensor.get(end) for end in ("minimum", "maximum"))
    low = 0 if low is None else low
    values = np.random.default_rng(0).uniform(low, low + 1 if high is None else high, shape)
    return values.astype(tensor["dtype"])


def _json(file: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} is missing or damaged: {error}") from None
    return values


def _verified(folder: Path, expected: dict[str, Any]) -> Path:
    """Returns the verified model's path: an interpreter may crash on a damaged file."""
    model = folder / Path(expected["file"]).name
    try:
        content = model.read_bytes()
    except OSError as error:
        raise ModelError(f"{model} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise ModelError(f"{model.name} is damaged or is a different file; copy the folder again")
    return model


def _interpreter(model: Path, threads: int) -> tuple[Any, str]:
    for name in RUNTIMES:
        try:
            module = importlib.import_module(f"{name}.interpreter")
        except ImportError:
            continue
        try:
            interpreter = module.Interpreter(model_path=str(model), num_threads=threads)
            # Only this call makes tflite-runtime hand operators to XNNPACK.
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{name} does not load {model.name}: {error}") from None
        return interpreter, name
    raise ModelError("neither tflite-runtime nor ai-edge-litert is installed; run: ./install.sh")
