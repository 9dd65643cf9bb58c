"""What a file really is, from its first bytes: names and declared types prove nothing.

This keeps accidents and disguises out of the queues. It is no proof of a sound file: the handlers
that parse one do that, sandboxed.
"""

from __future__ import annotations

import codecs
import re

import puremagic

#: How much of an object is read to tell its type.
HEAD_BYTES = 4_096

_TS_PACKET = 188
_TS_SYNC = 0x47
#: Excel's "Unicode text" begins with one of these.
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP_ENTRY = b"PK\x03\x04"
#: puremagic's confidence grows with the matched bytes; what lies further below is a guess.
_CLOSE = 0.15
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ZIP = "application/zip"
UNKNOWN = "application/octet-stream"

#: Types that puremagic writes differently from the rest of the world.
_ALIASES = {
    "application/ogg": "audio/ogg",
    "application/x-matroska": "video/x-matroska",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "image/heic": "image/heif",
    "video/avi": "video/x-msvideo",
    "video/dvd": "video/mpeg",
}


def sniff(head: bytes) -> list[str]:
    """Media types the content may have, the likeliest first; empty when nothing fits.

    ``head`` is the first HEAD_BYTES of the file (or all of a shorter one).
    """
    if head.startswith(_ZIP_ENTRY):
        return [_zip_type(head)]
    if head.startswith(_UTF_16) and _is_utf_16(head):
        return ["text/csv"]
    found = _by_magic(head)
    if not found and _is_transport_stream(head):
        found = ["video/mp2t"]
    if not found and _is_text(head):
        found = ["text/csv"]
    return found


def _by_magic(head: bytes) -> list[str]:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return []
    # Container formats share their first bytes (RIFF: wav, avi, webp); the longer match is true.
    least = matches[0].confidence - _CLOSE if matches else 0.0
    types = [
        _ALIASES.get(match.mime_type, match.mime_type)
        for match in matches
        if match.confidence >= least
    ]
    return list(dict.fromkeys(kind for kind in types if kind))


def _zip_type(head: bytes) -> str:
    """A zip by the names of its first entries; every office format shares the signature."""
    names = [_entry_name(head, at.start()) for at in re.finditer(re.escape(_ZIP_ENTRY), head)]
    if any(name.startswith((b"word/", b"ppt/")) for name in names):
        return _ZIP
    office = (b"xl/", b"docProps/", b"_rels/", b"[Content_Types].xml")
    return _XLSX if any(name.startswith(office) for name in names) else _ZIP


def _entry_name(head: bytes, start: int) -> bytes:
    length = int.from_bytes(head[start + 26 : start + 28], "little")
    return head[start + 30 : start + 30 + length]


def _is_transport_stream(head: bytes) -> bool:
    packets = range(0, min(len(head), _TS_PACKET * 8), _TS_PACKET)
    return len(head) >= _TS_PACKET * 3 and all(head[at] == _TS_SYNC for at in packets)


def _is_text(head: bytes) -> bool:
    """Plain text in UTF-8 or the Korean code page, as spreadsheets export it."""
    if not head or head.lstrip().startswith((b"<", b"#!", b"{")):
        return False
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = head.decode(encoding)
        except UnicodeDecodeError as error:
            # The cut may fall inside a character, and only there.
            if len(head) < HEAD_BYTES or error.start < len(head) - 3:
                continue
            text = head[: error.start].decode(encoding)
        return not _CONTROL.search(text)
    return False


def _is_utf_16(head: bytes) -> bool:
    # The cut may fall inside a character.
    text = head[: len(head) // 2 * 2].decode("utf-16", "replace")[:-1].strip()
    return (
        bool(text) and text[0] not in "<#{" and not _CONTROL.search(text) and "\ufffd" not in text
    )
