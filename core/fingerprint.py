"""Digests of exactly the code and settings that a step depends on.

TFX's cache compares a component's inputs and parameters. It cannot see that the code behind a
dotted name changed. Every component therefore gets a digest of the project's modules that its
entry module reaches through imports. Comments and docstrings are ignored: they do not change what
a module does.
"""

import ast
import hashlib
import json
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from core.toolchain import ROOT

PACKAGES = ("core", "mobile", "models", "pipeline", "serving", "web")


def of_modules(*modules: str, without: Collection[str] = ()) -> str:
    """Returns the digest of the modules and of all project modules that they import.

    Args:
        modules: the modules' dotted names.
        without: modules and packages that are not followed; see ``closure``.
    """
    return of_code(sources(*modules, without=without))


def sources(*modules: str, without: Collection[str] = ()) -> list[Path]:
    """Returns the files of the modules and of all project modules that they import."""
    reached = closure(*modules, without=without)
    return sorted(file for module in reached if (file := file_of(module)))


def of_code(files: Iterable[Path]) -> str:
    """Returns the digest of Python files' paths in the project and of their code."""
    return _of_digests((file, _meaning(file, file.stat().st_mtime_ns)) for file in files)


def of_files(files: Iterable[Path]) -> str:
    """Returns the digest of files' paths in the project and of their contents."""
    return _of_digests((file, file.read_bytes()) for file in files)


def of_values(*values: Any) -> str:
    """Returns the digest of JSON values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def closure(*modules: str, without: Collection[str] = ()) -> set[str]:
    """Returns the project's modules that the given modules reach, including themselves.

    Args:
        modules: the modules' dotted names.
        without: the dotted names of modules and packages whose imports are not followed; a package
            stands for everything in it.
    """
    reached: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in reached or file_of(module) is None:
            continue
        reached.add(module)
        waiting += [name for name in _imports(module) if not is_within(name, without)]
        waiting += [module.rpartition(".")[0]] if "." in module else []
    return reached


def is_within(module: str, names: Collection[str]) -> bool:
    """Returns whether the names list a module or a package that contains it."""
    return any(module == name or module.startswith(f"{name}.") for name in names)


def file_of(module: str) -> Path | None:
    """Returns the file of a project module; None for any other name."""
    top, *rest = module.split(".")
    if top not in PACKAGES:
        return None
    # The package itself is one of this project; folders elsewhere only have modules of it.
    for place in _places(top) if rest else [ROOT / top]:
        base = place.joinpath(*rest)
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None


def _places(package: str) -> list[Path]:
    """Returns the folders of a package: that of models may have more than one."""
    loaded = sys.modules.get(package)
    return [ROOT / package, *(Path(place) for place in (loaded.__path__ if loaded else ()))]


def _of_digests(contents: Iterable[tuple[Path, bytes]]) -> str:
    digest = hashlib.sha256()
    for file, content in sorted(set(contents)):
        digest.update(f"{_name(file)}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return digest.hexdigest()


def _name(file: Path) -> Path:
    """Returns a file's path in the project, also where its model is in a folder elsewhere."""
    if file.is_relative_to(ROOT):
        return file.relative_to(ROOT)
    for package in PACKAGES:
        for place in _places(package):
            if file.is_relative_to(place):
                return Path(package) / file.relative_to(place)
    return file


@cache
def _meaning(file: Path, modified: int) -> bytes:  # noqa: ARG001 - part of the cache key
    """Returns a Python file's syntax tree as text, without comments and docstrings."""
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    return ast.dump(tree).encode()


@cache
def _imports(module: str) -> tuple[str, ...]:
    file = file_of(module)
    tree = ast.parse(file.read_text()) if file else ast.Module([], [])
    names: list[str] = []
    for node in _run_time_nodes(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes below ``node`` without the code that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _run_time_nodes(child)
