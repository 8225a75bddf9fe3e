"""Reads the contents of a .tflite file without running it and without importing TensorFlow."""

import importlib.util
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from core.errors import UserError

IDENTIFIER = b"TFL3"
METADATA = "TFLITE_METADATA"


class InvalidModelError(UserError):
    """The file is not a complete TensorFlow Lite model."""


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a signature, as a caller sees it.

    Attributes:
        alias: its name in the signature.
        dtype: NumPy's name for the element type, or TensorFlow Lite's where NumPy has none.
        shape: the shape with the batch dimension; -1 for a dimension of any size.
        scale, zero_point: real value = (stored value - zero_point) * scale; None where the tensor
            is not quantised.
    """

    alias: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Signature:
    """A signature of the file."""

    name: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]


@dataclass(frozen=True)
class Operator:
    """A version of an operator. ``custom`` operators, such as Flex, are not in every runtime."""

    name: str
    version: int
    custom: bool = False

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"


@dataclass(frozen=True)
class ModelFile:
    """The description that a .tflite file contains of itself.

    Attributes:
        file: its path.
        signatures: the signatures in the file's order.
        operators: the operators, each with its number of uses.
        float_operators: the number of operators that compute float32, by name.
        stated_runtime: the ``min_runtime_version`` that the converter wrote, such as ``1.15.0``.
        metadata: the bytes of its TFLite metadata; None where it has no metadata.
    """

    file: Path
    signatures: tuple[Signature, ...]
    operators: dict[Operator, int]
    float_operators: dict[str, int]
    stated_runtime: str | None
    metadata: bytes | None

    def signature(self, name: str) -> Signature:
        """Returns a signature. Raises InvalidModelError, which lists the existing signatures."""
        for signature in self.signatures:
            if signature.name == name:
                return signature
        known = ", ".join(signature.name for signature in self.signatures) or "none"
        raise InvalidModelError(f"{self.file.name} has no signature {name!r}; it has: {known}")

    @property
    def versions(self) -> dict[str, int]:
        """Returns the highest version of each operator by name."""
        ordered = sorted(self.operators, key=lambda operator: (operator.name, operator.version))
        return {operator.name: operator.version for operator in ordered}

    @property
    def unassigned_variables(self) -> int:
        """Returns the number of variable reads in a file that never assigns a variable.

        Converting a Keras 3 model that ``tf.saved_model.save`` wrote gives such a file: it loads,
        but computes with zeros.
        """
        count = Counter({op.name: uses for op, uses in self.operators.items()})
        return 0 if count["ASSIGN_VARIABLE"] else count["READ_VARIABLE"]


def read(file: Path) -> ModelFile:
    """Returns the description of a .tflite file.

    Raises:
        InvalidModelError: it is missing, empty, truncated or not a model.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidModelError(f"{file} cannot be read: {error.strerror}") from error
    return parse(file, content)


def parse(file: Path, content: bytes) -> ModelFile:
    """Returns the description of a .tflite file's content; errors name it as ``file``.

    Raises:
        InvalidModelError: it is empty, truncated or not a model.
    """
    if content[4:8] != IDENTIFIER:
        raise InvalidModelError(
            f"{file.name} is not a TensorFlow Lite model: bytes 4 to 8 are {content[4:8]!r}, "
            f"not {IDENTIFIER!r}"
        )
    try:
        return _parse(file, content)
    except (struct.error, IndexError, ValueError, TypeError, AttributeError) as error:
        # The flatbuffer's accessors follow offsets without checking them.
        raise InvalidModelError(f"{file.name} is damaged or truncated: {error}") from error


@cache
def schema() -> ModuleType:
    """Returns the flatbuffer accessors of TensorFlow's package without importing TensorFlow."""
    package = importlib.util.find_spec("tensorflow")
    folders = package.submodule_search_locations if package else None
    if not folders:
        raise UserError("TensorFlow is not installed; run: make setup")
    location = Path(folders[0]) / "lite" / "python" / "schema_py_generated.py"
    spec = importlib.util.spec_from_file_location("tflite_schema", location)
    if spec is None or spec.loader is None:
        raise UserError(f"{location} is missing; run: make setup")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _parse(file: Path, content: bytes) -> ModelFile:
    model = schema().Model.GetRootAsModel(content, 0)
    graphs = [model.Subgraphs(index) for index in range(model.SubgraphsLength())]
    if not graphs:
        raise ValueError("it has no graph")
    codes = [_operator(model.OperatorCodes(index)) for index in range(model.OperatorCodesLength())]
    used = Counter(
        codes[graph.Operators(index).OpcodeIndex()]
        for graph in graphs
        for index in range(graph.OperatorsLength())
    )
    stated = _metadata(model, "min_runtime_version")
    return ModelFile(
        file=file,
        signatures=tuple(_signatures(model, graphs)),
        operators=dict(used),
        float_operators=dict(sorted(Counter(_floats(graphs, codes)).items())),
        stated_runtime=stated.rstrip(b"\0").decode("ascii") or None if stated else None,
        metadata=_metadata(model, METADATA),
    )


def operator_name(code: Any) -> str:
    """Returns TensorFlow Lite's name for an ``OperatorCodeT``."""
    return _builtin(code.builtinCode, code.deprecatedBuiltinCode)


def _builtin(number: int, old_number: int) -> str:
    # Codes above 127 do not fit into the old one-byte field.
    return _names("BuiltinOperator")[max(number, old_number)]


def _operator(code: Any) -> Operator:
    name = _builtin(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    if name == "CUSTOM":
        return Operator((code.CustomCode() or b"?").decode(), code.Version(), custom=True)
    return Operator(name, code.Version())


def _signatures(model: Any, graphs: list[Any]) -> Iterator[Signature]:
    for index in range(model.SignatureDefsLength()):
        definition = model.SignatureDefs(index)
        graph = graphs[definition.SubgraphIndex()]
        inputs = [definition.Inputs(row) for row in range(definition.InputsLength())]
        outputs = [definition.Outputs(row) for row in range(definition.OutputsLength())]
        yield Signature(
            definition.SignatureKey().decode(),
            tuple(_tensor(graph, tensor_map) for tensor_map in inputs),
            tuple(_tensor(graph, tensor_map) for tensor_map in outputs),
        )


def _tensor(graph: Any, tensor_map: Any) -> TensorInfo:
    tensor = graph.Tensors(tensor_map.TensorIndex())
    shape = tensor if tensor.ShapeSignatureIsNone() else None
    sizes = shape.ShapeAsNumpy() if shape else tensor.ShapeSignatureAsNumpy()
    quantisation = tensor.Quantization()
    scale = zero_point = None
    if quantisation is not None and quantisation.ScaleLength() == 1:
        scale, zero_point = float(quantisation.Scale(0)), int(quantisation.ZeroPoint(0))
    return TensorInfo(
        alias=tensor_map.Name().decode(),
        dtype=_names("TensorType")[tensor.Type()].lower(),
        shape=tuple(int(size) for size in sizes) if not isinstance(sizes, int) else (),
        scale=scale,
        zero_point=zero_point,
    )


def _floats(graphs: list[Any], codes: list[Operator]) -> Iterator[str]:
    for graph in graphs:
        for operator in (graph.Operators(index) for index in range(graph.OperatorsLength())):
            name = codes[operator.OpcodeIndex()].name
            results = [graph.Tensors(operator.Outputs(i)) for i in range(operator.OutputsLength())]
            kinds = [_names("TensorType")[tensor.Type()] for tensor in results]
            if "FLOAT32" in kinds and name != "DEQUANTIZE":
                yield name


def _metadata(model: Any, name: str) -> bytes | None:
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == name.encode():
            buffer = model.Buffers(entry.Buffer())
            return bytes(buffer.DataAsNumpy()) if buffer.DataLength() else b""
    return None


@cache
def _names(enumeration: str) -> dict[int, str]:
    members = vars(getattr(schema(), enumeration))
    return {value: name for name, value in members.items() if isinstance(value, int)}
