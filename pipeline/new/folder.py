"""Writes a model's folder from templates, completely or not at all, never over an existing one."""

import keyword
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from string import Template

from core.errors import UserError
from core.files import copy_tree
from models.places import OWN, folders
from pipeline.new.limits import TEXTS

TEMPLATES = Path(__file__).resolve().parent / "templates"
# The longest line of the project's style (pyproject.toml).
LINE = 100
# The suffix of the template files, so that no tool treats them as Python.
SUFFIX = ".template"
# The position of the model's own modules among the imports depends on the model's name.
_IMPORTS = re.compile(r"(^from models\.\S+ import .*\n)+", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def check_name(name: str, models: Path = OWN) -> None:
    """Raises UserError unless a new model can have the name."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise UserError(
            "a model's name must start with a lower-case letter, have only lower-case letters, "
            f"digits and underscores, at most 40, and be no keyword of Python, got {name!r}"
        )
    for place in {models, *folders()}:
        if (place / name).exists() or (place / f"{name}.py").exists():
            where = place / name if place != OWN else f"models/{name}"
            raise UserError(f"{where} already exists; choose another name or delete it")


def write(
    name: str,
    kind: str,
    values: Mapping[str, str],
    models: Path = OWN,
    beside: Mapping[str, Path] | None = None,
) -> Path:
    """Writes the folder and returns it.

    Args:
        name: the model's name.
        kind: the folder of the templates.
        values: the replacement of each ``$name`` in them, apart from the limits.
        beside: files and folders to copy into the folder, by their new names.
    """
    partial = models / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for template in sorted((TEMPLATES / kind).glob(f"*{SUFFIX}")):
            text = Template(template.read_text(encoding="utf-8")).substitute({**TEXTS, **values})
            text = _IMPORTS.sub(lambda lines: "".join(sorted(lines[0].splitlines(True))), text)
            (partial / template.name.removesuffix(SUFFIX)).write_text(text, encoding="utf-8")
        (partial / "__init__.py").touch()
        for copied, source in (beside or {}).items():
            copy = copy_tree if source.is_dir() else shutil.copyfile
            copy(source, partial / copied)
        return partial.rename(models / name)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def tuple_of(values: tuple[object, ...], indent: int = 4) -> str:
    """Returns a tuple as Python source, one value per line if there are several."""
    if len(values) < 2:
        return f"({''.join(f'{literal(value)},' for value in values)})"
    space = " " * indent
    return "(\n" + "".join(f"{space}{literal(value)},\n" for value in values) + space[4:] + ")"


def dict_of(values: Mapping[str, object], indent: int = 4) -> str:
    """Returns a dictionary as Python source, one entry per line."""
    if not values:
        return "{}"
    space = " " * indent
    lines = (f"{space}{literal(key)}: {literal(value)},\n" for key, value in values.items())
    return "{\n" + "".join(lines) + space[4:] + "}"


def nested(value: object, indent: int) -> str:
    """Returns a value as Python source; a tuple of several values has one per line."""
    if not isinstance(value, tuple) or len(value) < 2:
        return literal(value)
    space = " " * (indent + 4)
    lines = "".join(f"{space}{literal(each)},\n" for each in value)
    return f"(\n{lines}{' ' * indent})"


def path(name: str, value: Path) -> str:
    """Returns an argument of a call, four spaces deep, that is a path, as Python source.

    A path that is too long for one line gets a line of its own, as the formatter would have it.
    """
    short = f"{name}=Path({literal(str(value))}),"
    if len(short) + 4 <= LINE:
        return short
    return f"{name}=Path(\n        {literal(str(value))}\n    ),"


def literal(value: object) -> str:
    """Returns a value as Python source, with texts in double quotes."""
    if isinstance(value, str):
        return '"' + value.encode("unicode_escape").decode().replace('"', '\\"') + '"'
    return repr(value)
