"""Reads examples that are not pictures: rows of a CSV file, or objects of a JSON file.

A CSV file has the names of the model's inputs in its first line; the cell of an input that has a
shape holds a JSON list. A JSON file holds one object with a value for each input, a list of such
objects, or the content of a release's golden.json. An input whose value may be missing can be left
out or empty. An input that is a picture takes its numbers, the path of a picture file, relative to
the file's own folder, or ``{"b64": …}``, a picture file in base64. Where the contract has a
padding, a shorter sequence is filled with it, and a longer one is cut to its first steps.
"""

import base64
import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# The files beside this one; on the Pi there is no package.
from files import FileError, content_of  # type: ignore[import-not-found]
from pictures import PictureError, load_picture  # type: ignore[import-not-found]
from values import ValuesError, fitted, texts  # type: ignore[import-not-found]

MAX_ROWS = 100_000


class RowsError(Exception):
    """The file does not fit the model; the message says where and why."""


@dataclass(frozen=True)
class Row:
    """An example.

    Attributes:
        arrays: an array of shape (1, …) for each input, by its name.
        notes: what was left out of the row's values, for people.
    """

    arrays: dict[str, Any]
    notes: tuple[str, ...]


def read_rows(
    content: bytes, inputs: list[dict[str, Any]], *, table: bool, folder: Path | None = None
) -> list[Row]:
    """Returns one example per row.

    Args:
        content: the bytes of the file, in UTF-8.
        inputs: the contract's inputs.
        table: whether the file is CSV; otherwise it is JSON.
        folder: the folder of the picture files that rows name; None where rows may not name files.

    Raises:
        RowsError: the file does not fit the model.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RowsError("it is not UTF-8 text") from None
    rows = _table(text, inputs) if table else _objects(text)
    if not rows:
        raise RowsError("it has no rows")
    if len(rows) > MAX_ROWS:
        raise RowsError(f"it has {len(rows):,} rows; at most {MAX_ROWS:,} are allowed")
    return [_row(number, row, inputs, folder) for number, row in enumerate(rows, 1)]


def _table(text: str, inputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = {tensor["name"] for tensor in inputs}
    if not names & set(reader.fieldnames or []):
        raise RowsError(
            f"its first line names none of the inputs {', '.join(sorted(names))}; "
            "are its columns separated by commas?"
        )
    rows = []
    try:
        for row in reader:
            if None in row or None in row.values():
                width = len(reader.fieldnames or [])
                raise RowsError(f"line {reader.line_num} must have {width} cells like the first")
            rows.append(row)
    except csv.Error as error:
        raise RowsError(f"line {reader.line_num} cannot be read: {error}") from None
    return rows


def _objects(text: str) -> list[dict[str, Any]]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RowsError(f"it is not JSON: {error}") from None
    if isinstance(values, dict):
        values = values.get("examples", [values])
    if not isinstance(values, list) or not all(isinstance(row, dict) for row in values):
        raise RowsError("it is neither a JSON object nor a list of JSON objects")
    return [row["inputs"] if isinstance(row.get("inputs"), dict) else row for row in values]


def _row(
    number: int, row: dict[str, Any], inputs: list[dict[str, Any]], folder: Path | None
) -> Row:
    arrays, notes = {}, []
    for tensor in inputs:
        name, shape = tensor["name"], tuple(tensor["shape"])
        array = _values(number, row, tensor, folder)
        if tensor.get("padding") is not None:
            array, given = _of_length(array.ravel(), tensor)
            if given > shape[0]:
                notes.append(f"{name} has {given} steps; the model takes the first {shape[0]}")
        if array.size != int(np.prod(shape, dtype=np.int64)):
            raise RowsError(
                f"row {number}: {name} has {array.size} values, but the model takes the shape "
                f"{shape}"
            )
        arrays[name] = array.reshape((1, *shape))
    return Row(arrays, tuple(notes))


def _of_length(array: Any, tensor: dict[str, Any]) -> tuple[Any, int]:
    """Returns a flat sequence at the contract's length, and the number of steps that it had."""
    length, *step = tensor["shape"]
    width = int(np.prod(step, dtype=np.int64))
    steps, rest = divmod(array.size, width)
    if rest:
        return array, 0  # not whole steps: its size is told
    padding = tensor["padding"]
    end = np.full(max(length - steps, 0) * width, padding, array.dtype)
    if array.dtype.kind == "O":
        end[:] = str(padding).encode()
    return np.concatenate([array, end])[: length * width], steps


def _values(number: int, row: dict[str, Any], tensor: dict[str, Any], folder: Path | None) -> Any:
    """Returns the values of an input in a flat array, or a picture."""
    name = tensor["name"]
    value = row.get(name)
    if value is None or value == "":
        value = tensor.get("missing")
        if value is None:
            raise RowsError(f"row {number} has no {name}")
    try:
        return _array(value, tensor, folder)
    except ValuesError as error:
        raise RowsError(f"row {number}: {name} {error}") from None
    except (PictureError, FileError) as error:
        raise RowsError(f"row {number}: {name}: {error}") from None


def _array(value: Any, tensor: dict[str, Any], folder: Path | None) -> Any:
    if isinstance(value, str) and tensor["shape"] and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValuesError(f"holds a list that is not JSON: {error}") from None
    if tensor["kind"] == "image" and isinstance(value, str | dict):
        return load_picture(_picture_file(value, folder), tensor)
    return texts(value) if tensor["dtype"] == "string" else fitted(value, tensor["dtype"])


def _picture_file(value: str | dict[str, Any], folder: Path | None) -> Any:
    """Returns the bytes of a picture file that a row names or holds."""
    if isinstance(value, dict):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise PictureError('a picture is {"b64": …}, a file in base64') from None
    if folder is None:
        raise PictureError('a picture is {"b64": …}, a file in base64, or its numbers')
    return content_of(folder / value)
