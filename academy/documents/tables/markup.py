"""XML parts of a workbook, parsed by expat without any declaration that could define entities."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, NoReturn
from xml.parsers import expat

from academy.sandbox.child import Refused

CHUNK: Final = 1 << 16


class Enough(Exception):
    """Raised by a handler that needs no more of the part."""


def parser(
    start: Callable[[str, dict[str, str]], None] | None,
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> Any:
    """An expat parser that refuses every document type declaration, and with it all entities."""
    made = expat.ParserCreate()
    made.buffer_text = True
    made.StartElementHandler = start
    made.EndElementHandler = end
    made.CharacterDataHandler = text
    made.StartDoctypeDeclHandler = _refuse
    made.EntityDeclHandler = _refuse
    made.ExternalEntityRefHandler = _refuse
    return made


def _refuse(*_: Any) -> NoReturn:
    raise Refused("table_unsafe_xml")


def feed(made: Any, stream: IO[bytes]) -> Iterator[None]:
    """Parse a part, yielding after each piece of it. Raises Refused where it is no XML."""
    try:
        while piece := stream.read(CHUNK):
            made.Parse(piece, False)  # noqa: FBT003 - expat takes it by position alone
            yield
        made.Parse(b"", True)  # noqa: FBT003 - expat takes it by position alone
        yield
    except Enough:
        yield
    except (expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError):
        raise Refused("table_damaged") from None


def local(name: str) -> str:
    """The name of an element without its prefix."""
    return name.rpartition(":")[2]
