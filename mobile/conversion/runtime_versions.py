"""The oldest TensorFlow Lite runtime for a file, by its operators' versions and its metadata."""

from dataclasses import dataclass

from mobile.conversion.model_file import ModelFile, Operator

Version = tuple[int, ...]
# The last release of tflite-runtime, and the newest that Raspberry Pi OS 12 can install.
LAST_TFLITE_RUNTIME = "2.14"

# The TensorFlow releases that introduced versions 1, 2, 3, … of each operator, for the operators of
# image and table classifiers. Taken from the table that the converter itself uses,
# https://github.com/google-ai-edge/LiteRT/blob/main/tflite/tools/versioning/runtime_version.cc
_RELEASES = {
    "ADD": "1.5 1.14 2.4 2.6 2.13",
    "ARG_MAX": "1.9 1.14 2.9",
    "AVERAGE_POOL_2D": "1.5 1.14 2.3",
    "BATCH_MATMUL": "2.3 2.3 2.4 2.5",
    "CALL_ONCE": "2.5",
    "CAST": "1.5 2.7 2.8 2.9 2.12 2.15 2.17",
    "CONCATENATION": "1.5 1.14 2.3 2.14",
    "CONV_2D": "1.5 1.14 1.14 2.3 2.4 2.9 2.11 2.15",
    "DEPTHWISE_CONV_2D": "1.5 1.12 1.14 2.2 2.3 2.3 2.11",
    "DEQUANTIZE": "1.13 1.14 1.15 2.2 2.7 2.18",
    "DIV": "1.6 2.3",
    "EMBEDDING_LOOKUP": "1.13 1.14 1.14 2.18",
    "EQUAL": "1.14 1.14 2.3 2.13",
    "EXP": "1.7 2.12",
    "EXPAND_DIMS": "1.10",
    "FULLY_CONNECTED": "1.5 1.10 1.14 1.14 2.0 2.1 2.3 2.3 2.3 2.11 2.15 2.17 2.18",
    "GATHER": "1.6 1.14 1.15 2.4 2.5 2.13 2.15",
    "GELU": "2.9 2.9",
    "HARD_SWISH": "1.15",
    "HASHTABLE": "2.5",
    "HASHTABLE_FIND": "2.5",
    "HASHTABLE_IMPORT": "2.5",
    "LEAKY_RELU": "1.13 2.3",
    "LOG": "1.14 2.15",
    "LOGISTIC": "1.14 1.14 2.3",
    "MAX_POOL_2D": "1.5 1.14 2.3",
    "MAXIMUM": "1.14 1.14 2.3 2.3",
    "MEAN": "1.6 1.14 2.4",
    "MINIMUM": "1.14 1.14 2.3 2.3",
    "MUL": "1.5 1.14 1.15 2.3 2.6 2.11 2.13",
    "NEG": "1.9",
    "ONE_HOT": "1.11",
    "PACK": "1.11 1.14 2.3 2.13",
    "PAD": "1.5 1.14 2.4 2.6",
    "POW": "1.10",
    "QUANTIZE": "1.14 1.15 2.7",
    "READ_VARIABLE": "2.6",
    "RELU": "1.5 2.1 2.5",
    "RELU6": "1.5 1.14 2.5",
    "RESHAPE": "1.5",
    "RESIZE_BILINEAR": "1.7 1.14 2.2 2.5",
    "RSQRT": "1.10 2.5 2.15",
    "SELECT_V2": "2.2 2.12",
    "SHAPE": "1.10",
    "SLICE": "1.14 1.14 1.14 2.4 2.5 2.14",
    "SOFTMAX": "1.5 1.14 2.3",
    "SPLIT": "1.5 1.14 1.14 2.3",
    "SQRT": "1.10",
    "SQUARED_DIFFERENCE": "1.13 2.5",
    "SQUEEZE": "1.6 2.5",
    "STRIDED_SLICE": "1.6 1.14 2.1 2.2 2.5 2.6 2.14 2.14",
    "SUB": "1.6 1.14 2.3 2.4 2.4",
    "SUM": "1.10 1.15",
    "TANH": "1.14 1.14 2.3",
    "TRANSPOSE": "1.6 1.14 1.15 2.3 2.4 2.12 2.14",
    "VAR_HANDLE": "2.6",
}


@dataclass(frozen=True)
class Requirement:
    """The oldest runtime that knows a file's operators.

    Attributes:
        release: the TensorFlow release, such as ``2.4``; empty when nothing is known.
        operator: the operator that needs it; None when only the file's own statement asks for it.
        unlisted: operators or versions that are not in the table.
    """

    release: str
    operator: Operator | None
    unlisted: tuple[Operator, ...]

    def loads_in(self, runtime: str) -> bool:
        """Returns whether a runtime of that TensorFlow release has every listed operator."""
        return version(self.release)[:2] <= version(runtime)[:2]

    def __str__(self) -> str:
        cause = f", for {self.operator}" if self.operator else ""
        return f"TensorFlow Lite {self.release or 'of any release'}{cause}"


def requirement(model: ModelFile) -> Requirement:
    """Returns the newer of the release that the operators need and the one that the file states."""
    needs = {operator: release(operator) for operator in model.operators}
    known = {operator: needed for operator, needed in needs.items() if needed}
    unlisted = tuple(operator for operator, needed in needs.items() if not needed)
    newest = max(known, key=lambda operator: version(known[operator]), default=None)
    by_operators = known[newest] if newest else ""
    stated = _short(model.stated_runtime or "")
    if version(stated)[:2] > version(by_operators)[:2]:
        return Requirement(stated, None, unlisted)
    return Requirement(by_operators, newest, unlisted)


def statement(model: ModelFile) -> str:
    """Returns the sentence on a file's needs that goes into its own metadata."""
    needed = requirement(model)
    loads = "loads" if needed.loads_in(LAST_TFLITE_RUNTIME) else "does not load"
    versions = ", ".join(f"{name} {number}" for name, number in model.versions.items())
    return f"needs {needed}; {loads} in tflite-runtime {LAST_TFLITE_RUNTIME}; operators: {versions}"


def release(operator: Operator) -> str:
    """Returns the TensorFlow release that introduced an operator's version; empty if unlisted."""
    releases = _RELEASES.get(operator.name, "").split()
    listed = not operator.custom and 1 <= operator.version <= len(releases)
    return releases[operator.version - 1] if listed else ""


def loads_in(operator: Operator, runtime: str) -> bool:
    """Returns whether a runtime of that TensorFlow release has an operator's version.

    Of operators that are not in the table, it is taken to have every version; of those that are,
    none that is newer than the table's.
    """
    listed = operator.name in _RELEASES and not operator.custom
    needed = release(operator)
    return version(needed)[:2] <= version(runtime)[:2] if needed else not listed


def version(text: str) -> Version:
    """Returns ``2.14.0`` as a tuple of numbers that can be compared; empty for an empty text."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _short(text: str) -> str:
    return ".".join(text.split(".")[:2])
