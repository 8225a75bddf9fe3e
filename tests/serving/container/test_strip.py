"""Stripped libraries still load and work; what they were copied from keeps its symbols."""

import importlib.util
import os
import shutil
from pathlib import Path

import orjson

from serving.container.strip import strip

LIBRARY = Path(orjson.__file__).parent


def with_symbols(file: Path) -> Path:
    """Returns a copy of a library with bytes behind its segments, as symbol tables are."""
    (library,) = LIBRARY.glob("orjson*.so")
    shutil.copy2(library, file)
    with file.open("ab") as stream:
        stream.write(b"symbol" * 1000)
    return file


def test_what_nothing_loads_is_cut_and_the_library_works(tmp_path: Path) -> None:
    file = with_symbols(tmp_path / "orjson.so")
    before = file.stat()
    cut = strip(file)
    assert cut >= 6000
    assert file.stat().st_size == before.st_size - cut
    assert file.stat().st_mode == before.st_mode
    assert strip(file) == 0
    spec = importlib.util.spec_from_file_location("orjson", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.dumps({"a": [1, 2.5]}) == b'{"a":[1,2.5]}'


def test_another_name_of_the_file_keeps_its_contents(tmp_path: Path) -> None:
    file = with_symbols(tmp_path / "orjson.so")
    cached = tmp_path / "cached.so"
    os.link(file, cached)
    contents = cached.read_bytes()
    strip(file)
    assert cached.read_bytes() == contents


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    for name, contents in (("text.so", b"INPUT(libc.so.6)"), ("short.so", b"\x7fELF\x02\x01")):
        file = tmp_path / name
        file.write_bytes(contents)
        assert strip(file) == 0
        assert file.read_bytes() == contents
