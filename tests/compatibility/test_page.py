"""docs/compatibility.md belongs to the locked versions, and its parts fit together."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.toolchain import ROOT
from tests.compatibility import page
from tests.compatibility.rows import ROWS, named
from tests.compatibility.summary_rows import NAMES
from tests.compatibility.versions import versions

PAGE = ROOT / "docs" / "compatibility.md"
CELLS = [
    "SavedModel",
    *(f"{name} {each}" for name, (_, variants) in page.COLUMNS.items() for each in variants),
]


def tables(text: str) -> dict[str, list[list[str]]]:
    """Returns the rows of each section's table, without its head."""
    found: dict[str, list[list[str]]] = {}
    section = ""
    for line in text.partition(page.KEPT)[0].splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| "):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            found.setdefault(section, []).append(cells)
    return {section: rows[1:] for section, rows in found.items()}


def row_lines(text: str) -> Iterator[list[str]]:
    families = {row.family for row in ROWS}
    for section, rows in tables(text).items():
        if section in families:
            yield from rows


def test_versions_are_those_of_the_locks() -> None:
    written = [tuple(row) for row in tables(PAGE.read_text())["Versions"]]
    assert written == [(name, version, f"`{lock}`") for name, version, lock in versions()]


def test_every_row_that_was_tried_is_there_once_with_all_columns() -> None:
    text = PAGE.read_text()
    lines = list(row_lines(text))
    names = [line[0] for line in lines]
    assert names == [row.name for row in ROWS if row.name in names]
    assert f"\n{len(names)} of {len(ROWS)} rows were tried for this page.\n" in text
    assert {len(line) for line in lines} == {2 + len(page.COLUMNS)}


def test_counts_are_those_of_the_tables() -> None:
    text = PAGE.read_text()
    counted = {row[0]: row[1:] for row in tables(text)["Summary"]}
    fine = [line[0] for line in row_lines(text) if set(line[1:]) <= {"yes", "not offered"}]
    of_a_kind = [name for name in fine if name in NAMES]
    assert counted["agree in every variant everywhere"] == [str(len(of_a_kind)), str(len(fine))]


def test_every_number_in_brackets_has_its_reason() -> None:
    text = PAGE.read_text()
    used = {int(n) for line in row_lines(text) for n in re.findall(r"\[(\d+)\]", " ".join(line))}
    reasons = text.partition("## Reasons")[2].partition("## What is rewritten")[0]
    assert used == {int(number) for number in re.findall(r"^(\d+)\. ", reasons, re.MULTILINE)}


def test_what_people_wrote_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text(f"# Old\n\n{page.KEPT}\n\nA phone answers backwards.\n")
    page.write(file, [named("Dense"), named("LSTM")], {"Dense": result(), "LSTM": broken()})
    text = file.read_text()
    assert text.endswith(f"{page.KEPT}\n\nA phone answers backwards.\n")
    assert "# Old" not in text
    lines = {line[0]: line[1:] for line in row_lines(text)}
    assert set(lines["Dense"]) == {"yes"}
    assert lines["LSTM"][1:4] == ["int8: refused [1]", "yes", "float16: differs 0.3"]
    assert "1. TensorFlow Lite cannot run LSTM" in text
    counted = {row[0]: row[1:] for row in tables(text)["Summary"]}
    assert counted["agree in float32 in every runtime"] == ["2", "2"]
    assert counted["agree in int8 too, in both runtimes of devices"] == ["1", "1"]
    assert counted["differ somewhere"] == ["1", "1"]


def result() -> dict[str, Any]:
    cells: dict[str, Any] = {name: {"verdict": "agrees", "difference": 0.0} for name in CELLS}
    return {"name": "Dense", "cells": cells, "rules": {"mobile": [], "web": ["one"]}}


def broken() -> dict[str, Any]:
    cells = {
        **result()["cells"],
        "tflite-runtime int8": {"verdict": "refused", "reason": "TensorFlow Lite cannot run LSTM"},
        "wasm float16": {"verdict": "differs", "difference": 0.3},
    }
    return {**result(), "cells": cells}
