"""Removes the symbol tables of shared libraries: debuggers read them, the loader does not.

They come after everything that is loaded, so the file is cut there, and its header then lists no
sections. ``sstrip`` does the same; ``strip`` needs binutils, which a machine may not have.
"""

import os
import struct
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_HEADER_BYTES = 64
_PROGRAM_HEADERS = struct.Struct("<Q")
_COUNTS = struct.Struct("<HH")
_SEGMENT = struct.Struct("<8xQ16xQ16x")  # p_offset, p_filesz


def strip(file: Path) -> int:
    """Strips a shared library. Returns how many bytes were cut off its end; 0 for any other file.

    The file is replaced, not modified: it may be a hard link to a file in a cache.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        header = bytearray(stream.read(_HEADER_BYTES))
        if not header.startswith(_MAGIC) or len(header) < _HEADER_BYTES:
            return 0
        end = _end_of_segments(header, stream.fileno())
        if end >= size:
            return 0
        partial = file.with_name(f".{file.name}.partial")
        with partial.open("wb") as stripped:
            stream.seek(0)
            left = end
            while left:
                block = stream.read(min(left, 1 << 20))
                stripped.write(block)
                left -= len(block)
            stripped.seek(0x28)
            stripped.write(bytes(8))  # e_shoff: no section headers
            stripped.seek(0x3C)
            stripped.write(bytes(4))  # e_shnum, e_shstrndx
    partial.chmod(file.stat().st_mode & 0o777)
    partial.replace(file)
    return size - end


def _end_of_segments(header: bytearray, descriptor: int) -> int:
    offset: int
    (offset,) = _PROGRAM_HEADERS.unpack_from(header, 0x20)
    entry_bytes, count = _COUNTS.unpack_from(header, 0x36)
    table = os.pread(descriptor, entry_bytes * count, offset)
    ends: list[int] = [offset + entry_bytes * count]
    for number in range(count):
        start, length = _SEGMENT.unpack_from(table, entry_bytes * number)
        ends.append(start + length)
    return max(ends)
