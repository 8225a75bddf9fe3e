#!/usr/bin/env python3
"""Answers pictures or rows on a Raspberry Pi with the .tflite model in this folder.

    python3 predict.py shoe.png             one or more pictures
    python3 predict.py pictures/            every picture in a folder
    python3 predict.py penguins.csv         every row of a table, for models of tables
    python3 predict.py --camera             what the camera sees now
    python3 predict.py --benchmark          the time of a prediction
    python3 predict.py street.png --mask mask.png       the class of each pixel, as a picture
    python3 predict.py street.png --boxes boxes.png     the picture with boxes around things
    python3 predict.py face.png --nearest               the release's example that is most alike

It needs numpy and either tflite-runtime or ai-edge-litert, Pillow for picture files, and picamera2
for the camera. The folder also holds contract.json, which describes the inputs and outputs, and
model.json, which identifies the model file. Models that do not take one picture read .csv or .json
files (rows.py describes the format).

With --json, a line's "outputs" has each output's values by its name, and "answers" has what they
say (roles.py); "label" is the first answer's that has one, and "probabilities" are those of the
first output with classes. For further examples, --mask and --boxes write mask-2.png and so on.

Exit code 0: everything was answered; 1: something was not, and stderr has the reasons; 2: nothing
could be answered.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# The files beside this one; on the Pi there is no package.
from answers import Answer  # type: ignore[import-not-found]
from drawings import DrawingError, Drawings  # type: ignore[import-not-found]
from files import FileError, content_of  # type: ignore[import-not-found]
from model import HERE, Model, ModelError  # type: ignore[import-not-found]
from nearest import Nearest, NearestError  # type: ignore[import-not-found]
from pictures import PICTURES, PictureError, camera_picture  # type: ignore[import-not-found]

TABLES = {".csv", ".json"}


@dataclass(frozen=True)
class Example:
    """An example of a file.

    Attributes:
        name: what messages call it.
        arrays: the inputs by name.
        picture: the bytes of the picture's file; None for a row.
        notes: what was left out of its values, for people.
    """

    name: str
    arrays: dict[str, Any]
    picture: bytes | None = None
    notes: tuple[str, ...] = ()


class Program:
    """One run of the program: the model, and what to print and to write of its answers.

    Attributes:
        model: the model.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises ModelError, NearestError or DrawingError when an option cannot be followed."""
        self.model = Model(threads=max(1, options.threads))
        self._nearest = Nearest(HERE, self.model.contract) if options.nearest else None
        self._drawings = Drawings(self.model, mask=options.mask, boxes=options.boxes)
        self._top: int = options.top
        self._json: bool = options.json

    def show_file(self, file: Path) -> bool:
        """Prints the answers to a file's examples, and returns whether there were no errors."""
        try:
            examples = self._examples(file)
        except (FileError, ModelError) as error:
            print(f"{file}: {error}", file=sys.stderr)
            return False
        shown = [self._show(example) for example in examples]
        return all(shown)

    def show_picture(self, name: str, content: bytes) -> bool:
        """Prints the answer to a picture, and returns whether there was no error."""
        if not self.model.takes_picture:
            raise ModelError("the model does not take just one picture")
        return self._show(Example(name, self.model.picture(content), content))

    def _show(self, example: Example) -> bool:
        start = time.perf_counter()
        try:
            values = self.model.predict(example.arrays)
            milliseconds = (time.perf_counter() - start) * 1000
            self._drawings.draw(values, example.picture)
        except (ModelError, DrawingError, PictureError) as error:
            print(f"{example.name}: {error}", file=sys.stderr)
            return False
        for note in example.notes:
            print(f"{example.name}: note: {note}", file=sys.stderr)
        answer = Answer(self.model.heads, values, self._nearest)
        if self._json:
            classes = answer.classes()
            row = {
                "picture" if self.model.takes_picture else "row": example.name,
                "ms": round(milliseconds, 3),
                **answer.fields(),
                **({} if classes is None else {"probabilities": [value for _, value in classes]}),
            }
            print(json.dumps(row))
        else:
            print(f"{example.name}: {answer.words(self._top)} ({milliseconds:.1f} ms)")
        return True

    def _examples(self, file: Path) -> list[Example]:
        content = content_of(file)
        suffix = file.suffix.lower()
        if suffix in TABLES:
            rows = self.model.rows(content, table=suffix == ".csv", folder=file.parent)
            return [
                Example(f"{file}:{number}", row.arrays, notes=row.notes)
                for number, row in enumerate(rows, 1)
            ]
        if not self.model.takes_picture:
            raise ModelError("the model does not take pictures; name a .csv or .json file")
        return [Example(str(file), self.model.picture(content), content)]


def benchmark(model: Model, rounds: int = 200) -> str:
    """Returns a line with the median and the 95th percentile of a prediction's time."""
    example = model.any_example()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        model.predict(example)
        times.append((time.perf_counter() - start) * 1000)
    middle, slow = np.percentile(times, [50, 95])
    return f"{model.runtime}: {middle:.3f} ms (p50), {slow:.3f} ms (p95), {rounds} predictions"


def files_of(paths: list[Path], suffixes: set[str]) -> list[Path]:
    """Returns the named files, and the files with these suffixes of the named folders.

    Raises:
        ModelError: there are none.
    """
    files: list[Path] = []
    for path in paths:
        inside = sorted(path.iterdir()) if path.is_dir() else [path]
        files += [file for file in inside if not path.is_dir() or file.suffix.lower() in suffixes]
    if not files:
        raise ModelError(f"no file was named, or the folder has no {', '.join(suffixes)} files")
    return files


def options_of() -> argparse.Namespace:
    """Returns the parsed command line."""
    text = __doc__ or ""
    parser = argparse.ArgumentParser(description=text.splitlines()[0])
    parser.add_argument("pictures", nargs="*", type=Path, help="files or folders")
    parser.add_argument("--camera", action="store_true", help="take one picture and answer it")
    parser.add_argument("--benchmark", action="store_true", help="measure the time of predictions")
    parser.add_argument("--top", type=int, default=3, help="number of classes to print")
    # With several cores, a small model mostly waits for them; a large model gets faster.
    parser.add_argument("--threads", type=int, default=1, help="number of cores to use")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per picture or row"
    )
    parser.add_argument(
        "--mask", type=Path, metavar="OUT.png", help="write each pixel's class as a picture"
    )
    parser.add_argument(
        "--boxes", type=Path, metavar="OUT.png", help="draw the boxes on the picture"
    )
    parser.add_argument(
        "--nearest", action="store_true", help="name the release's example that is most alike"
    )
    return parser.parse_args()


def main() -> int:
    """Returns the exit code."""
    options = options_of()
    try:
        program = Program(options)
        if options.benchmark:
            print(benchmark(program.model))
            return 0
        if options.camera:
            return 0 if program.show_picture("camera", camera_picture()) else 1
        files = files_of(options.pictures, PICTURES if program.model.takes_picture else TABLES)
        shown = [program.show_file(file) for file in files]
    except (ModelError, PictureError, DrawingError, NearestError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if all(shown) else 1


if __name__ == "__main__":
    sys.exit(main())
