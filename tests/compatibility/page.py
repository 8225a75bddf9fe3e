"""Writes docs/compatibility.md from the results of all rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.compatibility.row import EXAMPLES, Row
from tests.compatibility.summary_rows import NAMES
from tests.compatibility.verdicts import (
    AGREES,
    CLOSE,
    CRASHED,
    DIFFERS,
    EIGHT_BITS,
    FAILS,
    HALF,
    NOT_OFFERED,
    REFUSED,
    SAME_CLASS,
    TRACEBACK,
    WEBGL,
)
from tests.compatibility.versions import versions

# From this heading on, the page's text is written by people, and kept.
KEPT = "## Noted in words"
Result = Mapping[str, Any]
# The table's columns: the runtime's name in the cells, its title, and its variants.
_EDGE = ("float32", "float16", "dynamic", "int8")
COLUMNS = {
    "tflite-runtime": ("tflite-runtime", _EDGE),
    "LiteRT": ("LiteRT", _EDGE),
    "wasm": ("TensorFlow.js wasm", ("float32", "float16", "quantised")),
    "cpu": ("cpu", ("float32",)),
    "webgl": ("webgl", ("float32",)),
    "litert": ("LiteRT.js", ("float32",)),
}
FINE = (AGREES, NOT_OFFERED)

_INTRODUCTION = f"""# What runs where

`make compatibility` makes this page. It exports, converts and runs small Keras models, one for each
public layer and activation and for the operations that models use, with the product's own code.
Each model has random weights in all its parts and is tried with {EXAMPLES} random inputs, to which
its answers differ. Each runtime's answers are compared with the SavedModel's, all outputs by name.

A row says what these versions do with a small model of that kind. A large one may behave otherwise:
`fanout run` checks yours.
"""
_READING = f"""## How to read it

- **yes**: the answers agree in every variant. They differ by at most {CLOSE.largest:g} of the
  largest output in float32 ({WEBGL.largest:g} on webgl), {HALF.largest:g} in float16 and
  {EIGHT_BITS.largest:g} in 8 bits, there with a root mean square of at most {EIGHT_BITS.rms:g} of
  the outputs'. NaN and infinity are in the same places. In 8 bits, a model whose outputs are
  classes agrees if the top class is the same for {SAME_CLASS:.0%} of the inputs; it is tried with
  inputs whose two highest answers differ clearly. Ranges are calibrated with the tried inputs and
  others.
- **differs**: there are answers and no error, but others than the SavedModel's; the number is the
  largest difference relative to the largest output.
- **refused**: the product says why it cannot convert the model.
- **fails**: the runtime reports an error. **crashed**: it ends its process or takes too long.
- **not offered**: LiteRT.js has no tensors of the input's type.
- If only some variants are named, all others agree. The variants are float32, float16, dynamic and
  int8 on devices, and float32, float16 and quantised on wasm.
- A number in brackets leads to the reason below the tables.
"""


def write(file: Path, rows: Sequence[Row], results: Mapping[str, Result]) -> None:
    """Writes the page; what people wrote at its end stays.

    Args:
        results: the results by the rows' names; rows without any are left out.
    """
    old = file.read_text() if file.is_file() else ""
    kept = old[old.index(KEPT) :] if KEPT in old else f"{KEPT}\n"
    tried = [row for row in rows if row.name in results]
    reasons = _Reasons()
    tables = [line for family in _families(tried) for line in _table(family, results, reasons)]
    lines = [
        *(_INTRODUCTION, "## Versions", "", *_versions(), "", _READING),
        *("## Summary", "", f"{len(tried)} of {len(rows)} rows were tried for this page.", ""),
        *(*_summary(tried, results), "", *tables),
        *("## Reasons", "", *reasons.lines(), "", *_rewritten(tried, results)),
    ]
    file.write_text("\n".join(lines) + "\n" + kept)


class _Reasons:
    """The reasons of all cells, numbered in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, reason: str) -> int:
        return self._numbers.setdefault(" ".join(reason.split()), len(self._numbers) + 1)

    def lines(self) -> list[str]:
        # A line of its own for each: what comes from a runtime may be Markdown by chance.
        return [f"{number}. {_escaped(text)}" for text, number in self._numbers.items()]


def _versions() -> Iterable[str]:
    yield from ("| library | version | lock |", "|---|---|---|")
    for name, version, lock in versions():
        yield f"| {name} | {version} | `{lock}` |"


def agrees(result: Result, wanted: Callable[[str], bool]) -> bool:
    """Returns whether all cells whose names are wanted agree or are not offered, and some do."""
    cells = [cell for name, cell in result["cells"].items() if wanted(name)]
    return bool(cells) and all(cell["verdict"] in FINE for cell in cells)


def in_float32(result: Result) -> bool:
    """Returns whether a row agrees in float32 in every runtime."""
    return agrees(result, lambda name: name == "SavedModel" or name.endswith(" float32"))


def in_int8(result: Result) -> bool:
    """Returns whether a row agrees in float32 everywhere and in int8 in both edge runtimes."""
    return in_float32(result) and agrees(result, lambda name: name.endswith(" int8"))


def has(verdict: str) -> Callable[[Result], bool]:
    """Returns a test of whether a row has the verdict in any cell."""
    return lambda result: any(cell["verdict"] == verdict for cell in result["cells"].values())


_COUNTED: Mapping[str, Callable[[Result], bool]] = {
    "agree in float32 in every runtime": in_float32,
    "agree in int8 too, in both runtimes of devices": in_int8,
    "agree in every variant everywhere": lambda result: agrees(result, lambda _: True),
    "are refused somewhere": has(REFUSED),
    "are refused without the layer's name": lambda result: any(
        cell["verdict"] == REFUSED and " of layer '" not in cell["reason"]
        for cell in result["cells"].values()
    ),
    "differ somewhere": has(DIFFERS),
    "fail in a runtime": has(FAILS),
    "end a process": has(CRASHED),
    "end in a traceback": has(TRACEBACK),
}


def _summary(rows: Sequence[Row], results: Mapping[str, Result]) -> Iterable[str]:
    yield (
        f"One row of a kind is in the first count, of {len(NAMES)} rows; variations and networks "
        "are in the second only."
    )
    yield ""
    groups = [[row for row in rows if row.name in NAMES], rows]
    yield f"| of the rows | {len(groups[0])} of a kind | all {len(groups[1])} |"
    yield "|---|--:|--:|"
    for words, test in _COUNTED.items():
        numbers = [sum(test(results[row.name]) for row in group) for group in groups]
        yield f"| {words} | {numbers[0]} | {numbers[1]} |"


def _families(rows: Sequence[Row]) -> Iterable[list[Row]]:
    names = list(dict.fromkeys(row.family for row in rows))
    return ([row for row in rows if row.family == name] for name in names)


def _table(rows: Sequence[Row], results: Mapping[str, Result], reasons: _Reasons) -> Iterable[str]:
    yield from (f"## {rows[0].family}", "")
    titles = ["row", "SavedModel", *(title for title, _ in COLUMNS.values())]
    yield f"| {' | '.join(titles)} |"
    yield "|---" * len(titles) + "|"
    for row in rows:
        cells = results[row.name]["cells"]
        saved = _cell({"": cells["SavedModel"]}, reasons)
        if len(cells) == 1:
            yield f"| {row.name} | {saved} |{' |' * len(COLUMNS)}"
            continue
        columns = [
            _cell({each: cells[f"{name} {each}"] for each in variants}, reasons)
            for name, (_, variants) in COLUMNS.items()
        ]
        yield f"| {' | '.join([row.name, saved, *columns])} |"
    yield ""


def _cell(verdicts: Mapping[str, Mapping[str, Any]], reasons: _Reasons) -> str:
    texts: dict[str, list[str]] = {}
    for variant, verdict in verdicts.items():
        texts.setdefault(_words(verdict, reasons), []).append(variant)
    if len(texts) == 1:
        return next(iter(texts))
    return "; ".join(f"{', '.join(each)}: {text}" for text, each in texts.items() if text != "yes")


def _words(verdict: Mapping[str, Any], reasons: _Reasons) -> str:
    word = verdict["verdict"]
    if word == AGREES:
        return "yes"
    if "reason" in verdict:
        return f"{word} [{reasons.number(verdict['reason'])}]"
    return f"{word} {verdict['difference']:.1g}" if word == DIFFERS else word


def _rewritten(rows: Sequence[Row], results: Mapping[str, Result]) -> Iterable[str]:
    yield from ("## What is rewritten", "")
    for target, title in (("mobile", "TensorFlow Lite"), ("web", "TensorFlow.js")):
        by_rule: dict[str, list[str]] = {}
        for row in rows:
            for rule in results[row.name]["rules"][target]:
                by_rule.setdefault(rule, []).append(row.name)
        yield from (f"For {title}:", "")
        for rule, names in sorted(by_rule.items()):
            yield f"- {_escaped(rule)}. Rows: {', '.join(names)}."
        yield ""


def _escaped(text: str) -> str:
    for mark in "|<*_":
        text = text.replace(mark, f"\\{mark}")
    return text
