"""Digests of exactly the code and settings that a step depends on.

TFX's cache compares a component's inputs and parameters. It cannot see that the code behind a
dotted name changed, so every component gets the digest of the project's modules that its entry
module reaches through imports.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from core.toolchain import ROOT

PACKAGES = ("core", "mobile", "models", "pipeline", "serving", "web")


def of_modules(*modules: str) -> str:
    """Returns the digest of the modules and of all project modules that they import."""
    return of_files(sources(*modules))


def sources(*modules: str) -> list[Path]:
    """Returns the files of the modules and of all project modules that they import."""
    return sorted(file for module in closure(*modules) if (file := _file(module)))


def of_files(files: Iterable[Path]) -> str:
    """Returns the digest of files by their path in the project and their contents."""
    digest = hashlib.sha256()
    for file in sorted(set(files)):
        name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        digest.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def of_values(*values: Any) -> str:
    """Returns the digest of JSON values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def closure(*modules: str) -> set[str]:
    """Returns the project's modules that the given ones reach, themselves included."""
    reached: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in reached or _file(module) is None:
            continue
        reached.add(module)
        waiting += _imports(module)
        waiting += [module.rpartition(".")[0]] if "." in module else []
    return reached


def _file(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if module.split(".", maxsplit=1)[0] in PACKAGES and candidate.is_file():
            return candidate
    return None


@cache
def _imports(module: str) -> tuple[str, ...]:
    file = _file(module)
    tree = ast.parse(file.read_text()) if file else ast.Module([], [])
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)
