#!/usr/bin/env python3
"""Classifies pictures or rows on a Raspberry Pi with the .tflite model in this folder.

    python3 classify.py shoe.png            one or more pictures
    python3 classify.py pictures/           every picture in a folder
    python3 classify.py penguins.csv        every row of a table, for models of tables
    python3 classify.py --camera            what the camera sees now
    python3 classify.py --benchmark         the time of a prediction

It needs numpy and either tflite-runtime or ai-edge-litert, Pillow for picture files, and picamera2
for the camera. The folder also holds contract.json, which describes the inputs and outputs, and
model.json, which identifies the model file. Models that do not take pictures read .csv or .json
files (rows.py describes the format). Exit code 0: everything was classified; 1: something was not,
and stderr has the reasons; 2: nothing could be classified.
"""

import argparse
import hashlib
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

# The files beside this one; on the Pi there is no package.
from pictures import (  # type: ignore[import-not-found]
    PICTURES,
    PictureError,
    camera_picture,
    load_picture,
)
from rows import RowsError, read_rows  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
RUNTIMES = ("tflite_runtime", "ai_edge_litert")
MAX_FILE_BYTES = 50 << 20
TABLES = {".csv", ".json"}


class ClassifyError(Exception):
    """A picture, the model or the set-up is wrong; the message says what is wrong."""


class Classifier:
    """The model in a folder, ready to predict."""

    def __init__(self, folder: Path = HERE, threads: int = 1) -> None:
        """Raises ClassifyError when a file is missing or damaged, or no runtime is installed."""
        contract = _json(folder / "contract.json")
        try:
            self.labels: list[str] = contract["labels"]
            self.inputs: list[dict[str, Any]] = contract["inputs"]
            self.input: dict[str, Any] = self.inputs[0]
            self.output: str = contract["outputs"][0]["name"]
            kinds = [tensor["kind"] for tensor in self.inputs]
            self.takes_picture: bool = kinds == ["image"]
            if "image" in kinds and not self.takes_picture:
                raise ClassifyError(f"model {contract['model']!r} takes a picture and other inputs")
            model = _verified(folder, _json(folder / "model.json"))
            interpreter, self.runtime = _interpreter(model, threads)
            self._run = interpreter.get_signature_runner(contract["signatures"]["tensors"])
            details = self._run.get_input_details()
            self._details = {name: details[name] for name in (one["name"] for one in self.inputs)}
            self._output_details = self._run.get_output_details()[self.output]
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            what = f"{type(error).__name__}: {error}"
            raise ClassifyError(f"contract.json or model.json is damaged: {what}") from None

    def picture(self, content: bytes) -> dict[str, Any]:
        """Returns the picture in a file's bytes in the form that ``predict`` takes.

        Raises:
            ClassifyError: it is not a picture that can be read, or it is too large.
        """
        try:
            return {self.input["name"]: load_picture(content, self.input)[np.newaxis]}
        except PictureError as error:
            raise ClassifyError(str(error)) from None

    def rows(self, content: bytes, *, table: bool) -> list[dict[str, Any]]:
        """Returns each row of a CSV or JSON file's bytes in the form that ``predict`` takes.

        Raises:
            ClassifyError: the rows do not fit the model.
        """
        try:
            return list(read_rows(content, self.inputs, table=table))
        except RowsError as error:
            raise ClassifyError(str(error)) from None

    def predict(self, arrays: dict[str, Any]) -> Any:
        """Returns the probabilities for one array of shape (1, …) per input, by the input's name.

        Raises:
            ClassifyError: a shape differs from the contract's.
        """
        for tensor in self.inputs:
            shape, got = tuple(tensor["shape"]), arrays[tensor["name"]].shape[1:]
            if got != shape:
                raise ClassifyError(f"its shape is {got}, but the model takes {shape}")
        answer = self._run(
            **{name: self._quantised(array, self._details[name]) for name, array in arrays.items()}
        )
        values = answer[self.output][0]
        scale, zero_point = self._output_details["quantization"]
        if scale and values.dtype.kind in "iu":
            return (values.astype(np.float32) - zero_point) * np.float32(scale)
        return values

    @staticmethod
    def _quantised(values: Any, details: dict[str, Any]) -> Any:
        if values.dtype.kind == "O":
            return values  # texts
        dtype = np.dtype(details["dtype"])
        scale, zero_point = details["quantization"]
        if dtype.kind == "f" or not scale:
            return values.astype(dtype)
        limits = np.iinfo(dtype)
        return np.clip(np.round(values / scale) + zero_point, limits.min, limits.max).astype(dtype)


def load_examples(file: Path, classifier: Classifier) -> list[tuple[str, Any]]:
    """Returns each example of a file with its name: one per picture or per row of a table.

    Raises:
        ClassifyError: the file does not fit the model.
    """
    content = _content(file)
    if classifier.takes_picture:
        return [(str(file), classifier.picture(content))]
    if file.suffix.lower() not in TABLES:
        raise ClassifyError("the model does not take pictures; name a .csv or .json file")
    rows = classifier.rows(content, table=file.suffix.lower() == ".csv")
    return [(f"{file}:{number}", row) for number, row in enumerate(rows, 1)]


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise ClassifyError(f"it is larger than {MAX_FILE_BYTES >> 20} MiB")
        content = file.read_bytes()
    except OSError as error:
        raise ClassifyError(error.strerror or "it cannot be read") from None
    if not content:
        raise ClassifyError("it is empty")
    return content


def _json(file: Path) -> dict[str, Any]:
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClassifyError(f"{file} is missing or damaged: {error}") from None
    return values


def _verified(folder: Path, expected: dict[str, Any]) -> Path:
    """Returns the verified model's path: an interpreter may crash on a damaged file."""
    model = folder / Path(expected["file"]).name
    try:
        content = model.read_bytes()
    except OSError as error:
        raise ClassifyError(f"{model} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != expected["sha256"]:
        raise ClassifyError(
            f"{model.name} is damaged or is a different file; copy the folder again"
        )
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
            raise ClassifyError(f"{name} does not load {model.name}: {error}") from None
        return interpreter, name
    raise ClassifyError("neither tflite-runtime nor ai-edge-litert is installed; run: ./install.sh")


def benchmark(classifier: Classifier, rounds: int = 200) -> str:
    """Returns a line with the median and the 95th percentile of a prediction's time."""
    example = {tensor["name"]: _any_value(tensor) for tensor in classifier.inputs}
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        classifier.predict(example)
        times.append((time.perf_counter() - start) * 1000)
    middle, slow = np.percentile(times, [50, 95])
    return f"{classifier.runtime}: {middle:.3f} ms (p50), {slow:.3f} ms (p95), {rounds} predictions"


def _any_value(tensor: dict[str, Any]) -> Any:
    shape = (1, *tensor["shape"])
    if tensor["dtype"] == "string":
        return np.full(shape, b"", dtype=object)
    return np.random.default_rng(0).uniform(0, 255, shape).astype(tensor["dtype"])


def _files(paths: list[Path], suffixes: set[str]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [file for file in inside if not path.is_dir() or file.suffix.lower() in suffixes]
    if not files:
        raise ClassifyError(f"no file was named, or the folder has no {', '.join(suffixes)} files")
    return files


def _show_file(classifier: Classifier, file: Path, options: Any) -> bool:
    try:
        examples = load_examples(file, classifier)
    except ClassifyError as error:
        print(f"{file}: {error}", file=sys.stderr)
        return False
    shown = [_show(classifier, name, example, options) for name, example in examples]
    return all(shown)


def _show(classifier: Classifier, name: str, example: dict[str, Any], options: Any) -> bool:
    start = time.perf_counter()
    try:
        probabilities = classifier.predict(example)
    except ClassifyError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return False
    milliseconds = (time.perf_counter() - start) * 1000
    best = np.argsort(-probabilities)[: options.top]
    if options.json:
        row = {
            "picture" if classifier.takes_picture else "row": name,
            "label": classifier.labels[best[0]],
            "ms": round(milliseconds, 3),
        }
        print(json.dumps({**row, "probabilities": [float(value) for value in probabilities]}))
    else:
        classes = ", ".join(f"{classifier.labels[i]} {probabilities[i]:.1%}" for i in best)
        print(f"{name}: {classes} ({milliseconds:.1f} ms)")
    return True


def main() -> int:
    """Returns the exit code."""
    text = __doc__ or ""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path, help="files or folders")
    parser.add_argument("--camera", action="store_true", help="take one picture and classify it")
    parser.add_argument("--benchmark", action="store_true", help="measure the time of predictions")
    parser.add_argument("--top", type=int, default=3, help="number of classes to print")
    # With several cores, a small model mostly waits for them; a large model gets faster.
    parser.add_argument("--threads", type=int, default=1, help="number of cores to use")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per picture or row"
    )
    options = parser.parse_args()
    try:
        classifier = Classifier(threads=max(1, options.threads))
        if options.benchmark:
            print(benchmark(classifier))
            return 0
        if options.camera:
            if not classifier.takes_picture:
                raise ClassifyError("the model does not take pictures")
            example = classifier.picture(camera_picture())
            return 0 if _show(classifier, "camera", example, options) else 1
        files = _files(options.pictures, PICTURES if classifier.takes_picture else TABLES)
        shown = [_show_file(classifier, file, options) for file in files]
    except (ClassifyError, PictureError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if all(shown) else 1


if __name__ == "__main__":
    sys.exit(main())
