"""Files that were made to hurt whoever opens them, small on disk and made anew for each run.

Each function writes one file and returns its path; what a sound file of its family looks like is
made first, so that only what the name says is wrong with it.
"""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from academy.ai.pages.limits import MAX_PAGES
from academy.documents import paper
from tests.support import documents, media, sheets
from tests.unit.test_roster_files import BOMB_HEAD, SHEET, TITLES, bomb, cell, part, sheet, two

Make = Callable[[Path], Path]
LINES = tuple(f"{n}. 다음 중 옳은 것을 고르시오." for n in (1, 2, 3))
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_HOURS = 12


def nothing(path: Path) -> Path:
    """Not a byte."""
    path.write_bytes(b"")
    return path


def text(path: Path) -> Path:
    """A letter with another name."""
    path.write_text("오늘 수업은 쉽니다.\n" * 40, encoding="utf-8")
    return path


def shortened(make: Make, share: float = 0.5) -> Make:
    """The first part of a sound file, as a broken upload leaves it."""

    def made(path: Path) -> Path:
        data = make(path).read_bytes()
        path.write_bytes(data[: int(len(data) * share)])
        return path

    return made


def flipped(make: Make, seed: int = 5, share: float = 0.01) -> Make:
    """A sound file, a bit of every hundredth byte behind its head turned over."""

    def made(path: Path) -> Path:
        data = bytearray(make(path).read_bytes())
        chance = random.Random(seed)
        for place in range(64, len(data)):
            if chance.random() < share:
                data[place] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
        return path

    return made


# ---------------------------------------------------------------------------- pictures and PDFs


def png(path: Path) -> Path:
    """A sound picture of three lines, whatever its name says."""
    made = documents.picture(path.with_suffix(".sound.png"), *LINES)
    return made.rename(path)


def pdf(path: Path) -> Path:
    """A sound page of three lines, the same bytes whenever it is made."""
    paper.register_font()
    canvas = Canvas(str(path), pagesize=documents.A4, invariant=1)
    canvas.setFont(paper.FONT, 11)
    documents.written(*LINES)(canvas)
    canvas.save()
    return path


def _chunk(name: bytes, data: bytes) -> bytes:
    checked = name + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def _png_of(width: int, height: int, packed: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return _PNG_HEAD + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def pixel_bomb(path: Path) -> Path:
    """A picture of 3.6 thousand million pixels in some bytes."""
    path.write_bytes(_png_of(60_000, 60_000, zlib.compress(bytes(60_001))))
    return path


def inflating_picture(path: Path) -> Path:
    """A small picture whose packed rows are a quarter of a gigabyte."""
    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    path.write_bytes(_png_of(1_000, 1_000, rows))
    return path


def _objects(*bodies: bytes, root: int = 1) -> bytes:
    """A PDF of these objects, numbered from 1, with its table of places."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(bodies, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    return bytes(out) + trailer % (len(bodies) + 1, root, table)


def _stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


_CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
_PAGES = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"


def _page(contents: bytes, resources: bytes = b"") -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %s "
        b"/Resources << %s >> >>" % (contents, resources)
    )


def inflating_pdf(path: Path) -> Path:
    """A page whose content is 128 MB of line breaks, packed twice: some kilobytes."""
    packer = zlib.compressobj()
    once = b"".join(packer.compress(b"\n" * (1 << 20)) for _ in range(128)) + packer.flush()
    content = _stream(zlib.compress(once), b"/Filter [/FlateDecode /FlateDecode]")
    path.write_bytes(_objects(_CATALOG, _PAGES, _page(b"4 0 R"), content))
    return path


def many_pages(path: Path) -> Path:
    """Ten thousand empty pages."""
    count = 10_000
    kids = b" ".join(b"%d 0 R" % (3 + number) for number in range(count))
    pages = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, count)
    one = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    path.write_bytes(_objects(_CATALOG, pages, *[one] * count))
    return path


def pages_in_a_circle(path: Path) -> Path:
    """A tree of pages whose branch is its own root."""
    pages = b"<< /Type /Pages /Kids [2 0 R 2 0 R 2 0 R] /Count 1000000000 >>"
    path.write_bytes(_objects(_CATALOG, pages))
    return path


def forms_in_a_circle(path: Path) -> Path:
    """A page that draws a form that draws another, which draws the first.

    One call each: with two, pdfium works until its limit of time ends it.
    """
    again = {4: b"/A Do", 5: b"/B Do", 6: b"/A Do"}
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources %s"
    names = b"<< /XObject << /A 5 0 R /B 6 0 R >> >>"
    bodies = [_stream(again[number], form % names) for number in (5, 6)]
    page = _page(b"4 0 R", b"/XObject << /A 5 0 R /B 6 0 R >>")
    path.write_bytes(_objects(_CATALOG, _PAGES, page, _stream(again[4]), *bodies))
    return path


def endless_page(path: Path) -> Path:
    """A page that claims to be as large as numbers go."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 2147483647 2147483647] >>"
    path.write_bytes(_objects(_CATALOG, _PAGES, page))
    return path


def locked_pdf(path: Path) -> Path:
    """Nobody reads it without its password."""
    canvas = Canvas(str(path), encrypt=StandardEncryption("user", "owner", strength=128))
    canvas.drawString(60, 780, "secret")
    canvas.save()
    return path


def polyglot(path: Path) -> Path:
    """A web page, a PDF and a zip at once: each reader finds its own."""
    whole = pdf(path).read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("evil.js", "fetch('/api/v1/me')")
    head = b"<html><script>fetch('/api/v1/me')</script><!--\n"
    path.write_bytes(head + whole + b"\n-->" + packed.getvalue())
    return path


def animated(path: Path) -> Path:
    """A TIFF of more frames than a document may have pages."""
    frames = [Image.new("1", (64, 64)) for _ in range(MAX_PAGES + 1)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


# ---------------------------------------------------------------------------- spreadsheets


def xlsx(path: Path) -> Path:
    """A sound list of three students, the same bytes whenever it is made."""
    rows: Sequence[Sequence[object]] = [sheets.HEADING, *(sheets.student(n) for n in range(1, 4))]
    with zipfile.ZipFile(sheets.xlsx(path, rows)) as archive:
        parts = {name: archive.read(name) for name in sorted(archive.namelist())}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            dated = re.sub(rb"20\d\d-\d\d-\d\dT[\d:.]+Z", b"2026-03-01T00:00:00Z", content)
            archive.writestr(zipfile.ZipInfo(name), dated, zipfile.ZIP_DEFLATED)
    return path


entity_bomb: Make = sheet(TITLES, head=BOMB_HEAD)
"""Ten thousand million letters in ten names."""
outside_entity: Make = part(
    SHEET, '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet>&a;</worksheet>'
)
"""A sheet that quotes a file of the host."""
far_cell: Make = sheet(
    TITLES + two(2) + f'<row r="1048576">{cell("XFD1048576", "x")}</row>'
)  # fmt: skip
"""Three cells, one of them in the last row and column."""
zip_bomb: Make = bomb
"""40 MB of spaces in 40 KB."""


# ---------------------------------------------------------------------------- sound and films


def wav(path: Path) -> Path:
    """Two seconds of a tone."""
    media.ffmpeg(*media.sound(2), "-ar", "16000", "-ac", "1", "-f", "wav", str(path))
    return path


def clip(path: Path) -> Path:
    """Two seconds of moving pictures with sound."""
    return media.clip(path, size="160x90", rate="10", seconds=2)


def _wave_head(*, channels: int, rate: int, declared: int) -> bytes:
    frame = channels * 2
    about = struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, 16)
    whole = struct.pack("<I", min(declared + 36, 0xFFFFFFFF))
    data = b"data" + struct.pack("<I", declared)
    return b"RIFF" + whole + b"WAVEfmt " + struct.pack("<I", 16) + about + data


def _wave(*, channels: int = 1, rate: int = 16_000, declared: int | None = None) -> Make:
    noise = random.Random(5).randbytes(40_000)

    def made(path: Path) -> Path:
        size = len(noise) if declared is None else declared
        path.write_bytes(_wave_head(channels=channels, rate=rate, declared=size) + noise)
        return path

    return made


lying_wave: Make = _wave(declared=0xFFFFFFFF)
"""Its head promises four gigabytes."""
long_wave: Make = _wave(declared=_HOURS * 3600 * 32_000)
"""Its head promises twelve hours."""
many_channels: Make = _wave(channels=64, rate=384_000)
"""More channels, faster, than any microphone has."""


def playlist(path: Path) -> Path:
    """A playlist that plays a file of the host."""
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n")
    return path


def concat(path: Path) -> Path:
    """A list of ffmpeg's own that does."""
    path.write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    return path


def twelve_hours(path: Path) -> Path:
    """Two pictures that last twelve hours."""
    still = f"color=s=64x64:r=1/21600:d={_HOURS * 3600}"
    media.ffmpeg(
        "-f", "lavfi", "-i", still, "-c:v", "libx264", "-pix_fmt", "yuv420p", str(path)
    )  # fmt: skip
    return path


def no_track(path: Path) -> Path:
    """A box of an MP4 around nothing."""
    path.write_bytes(struct.pack(">I4s4sI", 24, b"ftyp", b"isom", 0) + b"isommp42" + bytes(4096))
    return path


# ---------------------------------------------------------------------------- families

DOCUMENTS: Mapping[str, tuple[str, Make]] = {
    "nothing": ("a.pdf", nothing),
    "text as a PDF": ("a.pdf", text),
    "text as a picture": ("a.png", text),
    "a shortened PDF": ("a.pdf", shortened(pdf)),
    "a shortened picture": ("a.png", shortened(png)),
    "a PDF with turned bits": ("a.pdf", flipped(pdf)),
    "a picture with turned bits": ("a.png", flipped(png)),
    "a bomb of pixels": ("a.png", pixel_bomb),
    "a picture that inflates": ("a.png", inflating_picture),
    "a PDF that inflates": ("a.pdf", inflating_pdf),
    "ten thousand pages": ("a.pdf", many_pages),
    "pages in a circle": ("a.pdf", pages_in_a_circle),
    "forms in a circle": ("a.pdf", forms_in_a_circle),
    "an endless page": ("a.pdf", endless_page),
    "a locked PDF": ("a.pdf", locked_pdf),
    "a polyglot": ("a.pdf", polyglot),
    "too many frames": ("a.tif", animated),
}
TABLES: Mapping[str, tuple[str, Make]] = {
    "nothing": ("a.xlsx", nothing),
    "text as a workbook": ("a.xlsx", text),
    "a shortened workbook": ("a.xlsx", shortened(xlsx)),
    "a workbook with turned bits": ("a.xlsx", flipped(xlsx)),
    "a zip bomb": ("a.xlsx", zip_bomb),
    "an entity bomb": ("a.xlsx", entity_bomb),
    "an entity of the host": ("a.xlsx", outside_entity),
    "a far cell": ("a.xlsx", far_cell),
    "a PDF as a workbook": ("a.xlsx", pdf),
}
SOUNDS: Mapping[str, tuple[str, Make]] = {
    "nothing": ("a.wav", nothing),
    "text as a recording": ("a.wav", text),
    "a shortened recording": ("a.wav", shortened(wav)),
    "a recording with turned bits": ("a.wav", flipped(wav)),
    "a head that lies": ("a.wav", lying_wave),
    "twelve hours claimed": ("a.wav", long_wave),
    "64 channels": ("a.wav", many_channels),
    "a playlist of the host": ("a.wav", playlist),
}
FILMS: Mapping[str, tuple[str, Make]] = {
    "nothing": ("a.mp4", nothing),
    "text as a film": ("a.mp4", text),
    "a shortened film": ("a.mp4", shortened(clip)),
    "a film with turned bits": ("a.mp4", flipped(clip)),
    "twelve hours": ("a.mp4", twelve_hours),
    "a playlist of the host": ("a.mp4", playlist),
    "a list of the host": ("a.mp4", concat),
    "a box around nothing": ("a.mp4", no_track),
    "a picture as a film": ("a.mp4", png),
}
