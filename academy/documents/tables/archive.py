"""Opens a zip of a stranger after a look at its directory: nothing is unpacked before.

What the directory says is also what can be read: a part ends where its declared size ends.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Final

from academy.documents.tables.limits import MIB, TableLimits
from academy.sandbox.child import Refused

_END: Final = b"PK\x05\x06"
_END_FORMAT: Final = struct.Struct("<4s4H2LH")
_LONGEST_COMMENT: Final = 65_535
_IN_ZIP64: Final = 0xFFFFFFFF
_ENCRYPTED: Final = 0x1
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class Archive:
    """A zip whose directory has been checked; its parts are streams."""

    def __init__(self, path: Path, limits: TableLimits) -> None:
        _check_directory(path, limits)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
            raise Refused("table_damaged") from None
        self._limits = limits
        self._parts = {info.filename: info for info in self._zip.infolist()}
        _check_parts(self._zip.infolist(), limits)

    @property
    def names(self) -> frozenset[str]:
        """The names of all parts."""
        return frozenset(self._parts)

    def size(self, name: str) -> int:
        """Unpacked bytes of a part; 0 where there is none."""
        found = self._parts.get(name)
        return 0 if found is None else found.file_size

    def open(self, name: str) -> IO[bytes]:
        """A part as a stream. Raises Refused where it is missing, or in no usual form."""
        found = self._parts.get(name)
        if found is None or found.flag_bits & _ENCRYPTED or found.compress_type not in _METHODS:
            raise Refused("table_damaged")
        try:
            return self._zip.open(found)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
            raise Refused("table_damaged") from None

    def read(self, name: str) -> bytes:
        """A small part as a whole."""
        if self.size(name) > self._limits.part_bytes:
            raise Refused("table_too_large_inside", limit_mb=self._limits.part_bytes // MIB)
        with self.open(name) as stream:
            try:
                return stream.read()
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError):
                raise Refused("table_damaged") from None

    def close(self) -> None:
        """Let the file go."""
        self._zip.close()


def _check_directory(path: Path, limits: TableLimits) -> None:
    """Refuse a directory that would itself be too much to load."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _LONGEST_COMMENT - _END_FORMAT.size))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or at + _END_FORMAT.size > len(tail):
        raise Refused("table_damaged")
    fields = _END_FORMAT.unpack_from(tail, at)
    entries, directory = fields[4], fields[5]
    if directory == _IN_ZIP64 or directory > limits.archive_directory_bytes:
        raise Refused("table_zip_bomb")
    if entries > limits.archive_entries:
        raise Refused("table_zip_bomb")


def _check_parts(parts: list[zipfile.ZipInfo], limits: TableLimits) -> None:
    if len(parts) > limits.archive_entries or len({part.filename for part in parts}) < len(parts):
        raise Refused("table_zip_bomb")
    if sum(part.file_size for part in parts) > limits.archive_bytes:
        raise Refused("table_zip_bomb")
    for part in parts:
        packed = max(1, part.compress_size)
        dense = part.file_size > MIB and part.file_size > limits.archive_ratio * packed
        if dense or part.file_size > limits.entry_bytes:
            raise Refused("table_zip_bomb")
