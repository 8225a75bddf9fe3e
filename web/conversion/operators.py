"""Refuses the operators that TensorFlow.js cannot run.

The converter would pass them on, and the page would fail on its first prediction. What
TensorFlow.js can run is read from its installed packages.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from core.agreement.refusal import Refusal, layer_of
from core.toolchain import WEB
from web.conversion.graph_model import GraphModel, Node
from web.conversion.operation import functions_of

PACKAGES = WEB / "node_modules" / "@tensorflow"
BACKENDS = ("cpu", "wasm", "webgl")
WAY_OUT = "use another layer there, or leave the web target out"


def refusals(model: GraphModel) -> list[Refusal]:
    """Returns a refusal for each layer with operators that TensorFlow.js cannot run."""
    found: dict[tuple[str, str], list[str]] = {}
    for node, layer in _operations(model.description):
        why = _lack(node["op"])
        if why and node["op"] not in found.setdefault((layer, why), []):
            found[layer, why].append(node["op"])
    return [
        Refusal("TensorFlow.js", ", ".join(names), layer, why, WAY_OUT)
        for (layer, why), names in found.items()
    ]


def _lack(operator: str) -> str:
    """Returns why TensorFlow.js cannot run an operator; empty if it can."""
    if operator not in _operators():
        return "it has no such operator"
    kernels = _kernels()
    known = [backend for backend in BACKENDS if operator.lower() in kernels[backend]]
    lacking = [backend for backend in BACKENDS if backend not in known]
    if not known or not lacking:  # the kernels of most operators have other names
        return ""
    return f"its {' and '.join(lacking)} backend has no kernel for it"


def _operations(description: Mapping[str, Any]) -> Iterator[tuple[Node, str]]:
    """Yields all nodes with the names of their layers."""
    topology = description["modelTopology"]
    library = {each["signature"]["name"]: each for each in _library(topology)}
    waiting: list[tuple[Sequence[Node], str]] = [(topology["node"], "")]
    waiting.append((description.get("modelInitializer", {}).get("node", ()), ""))
    while waiting:
        nodes, caller = waiting.pop()
        for node in nodes:
            layer = caller or layer_of(node["name"])
            yield node, layer
            for name in functions_of(node).values():
                # Taken out: a function that calls itself is looked at once.
                function = library.pop(name, None)
                if function:
                    waiting.append((function.get("nodeDef", ()), layer))


def _library(topology: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    functions: Sequence[Mapping[str, Any]] = topology.get("library", {}).get("function", ())
    return functions


@cache
def _operators() -> frozenset[str]:
    """Returns the operators that TensorFlow.js' converter can read."""
    folder = PACKAGES / "tfjs-converter" / "dist" / "operations" / "op_list"
    files = [file.read_text() for file in folder.glob("*.js")]
    return frozenset(name for file in files for name in re.findall(r"'tfOpName': '(\w+)'", file))


@cache
def _kernels() -> Mapping[str, frozenset[str]]:
    """Returns the names of each backend's kernels, in lower case: the packages differ in that."""
    return {backend: frozenset(_registered(backend)) for backend in BACKENDS}


def _registered(backend: str) -> Iterator[str]:
    file = PACKAGES / f"tfjs-backend-{backend}" / "dist" / "register_all_kernels.js"
    for name in re.findall(r" from '\./kernels/(\w+)';", file.read_text()):
        yield name.lower()
