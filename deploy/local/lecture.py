"""Generate a lecture: slides with headings and drawings, a teacher's camera, a pointer, a voice.

What the demo uploads when nobody names a file. It is made like the real thing where it matters to
an encoder: sharp text that stands still for ten seconds, then changes at once; a small noisy
moving picture in a corner; 1080p30 H.264 High at about 6 Mbit/s with AAC. Standard library only,
because ffmpeg builds without drawtext are common; ffmpeg moves, mixes and encodes.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

WIDTH, HEIGHT, RATE = 1920, 1080, 30
SECONDS_PER_SLIDE = 10
CAMERA_WIDTH, CAMERA_HEIGHT = 216, 264
_TIMEOUT_SECONDS = 600

Colour = tuple[int, int, int]
PAPER, INK, MUTED = (250, 249, 245), (32, 36, 48), (120, 126, 140)
ACCENT, CURVE, GRID = (36, 83, 168), (196, 58, 49), (222, 224, 228)
SECOND, SHADE = (38, 128, 92), (232, 238, 250)

# The classic 5x7 dot-matrix letters from space to z: five columns each, lowest bit on top.
_FONT = bytes.fromhex(
    "0000000000 00005f0000 0007000700 147f147f14 242a7f2a12 2313086462 3649562050 0008070300"
    "001c224100 0041221c00 2a1c7f1c2a 08083e0808 0080703000 0808080808 0000606000 2010080402"
    "3e5149453e 00427f4000 7249494946 2141494d33 1814127f10 2745454539 3c4a494931 4121110907"
    "3649494936 464949291e 0000140000 0040340000 0008142241 1414141414 0041221408 0201590906"
    "3e415d594e 7c1211127c 7f49494936 3e41414122 7f4141413e 7f49494941 7f09090901 3e41415173"
    "7f0808087f 00417f4100 2040413f01 7f08142241 7f40404040 7f021c027f 7f0408107f 3e4141413e"
    "7f09090906 3e4151215e 7f09192946 2649494932 03017f0103 3f4040403f 1f2040201f 3f4038403f"
    "6314081463 0304780403 6159494d43 007f414141 0204081020 004141417f 0402010204 4040404040"
    "0003070800 2054547840 7f28444438 3844444428 384444287f 3854545418 00087e0902 18a4a49c78"
    "7f08040478 00447d4000 2040403d00 7f10284400 00417f4000 7c04780478 7c08040478 3844444438"
    "fc18242418 18242418fc 7c08040408 4854545424 04043f4424 3c4040207c 1c2040201c 3c4030403c"
    "4428102844 4c9090907c 4464544c44"
)


class LectureError(RuntimeError):
    """ffmpeg did not make the clip; the message holds its last words."""


class Canvas:
    """An RGB picture to draw on; everything outside it is cut off."""

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.width, self.height = width, height
        self.pixels = bytearray(bytes(colour) * (width * height))

    def box(self, left: float, top: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        x0, x1 = max(0, round(left)), min(self.width, round(left + width))
        y0, y1 = max(0, round(top)), min(self.height, round(top + height))
        if x0 >= x1:
            return
        row = bytes(colour) * (x1 - x0)
        for y in range(y0, y1):
            start = 3 * (y * self.width + x0)
            self.pixels[start : start + len(row)] = row

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        for dy in range(-round(radius), round(radius) + 1):
            half = math.sqrt(max(0.0, radius * radius - dy * dy))
            self.box(x - half, y + dy, 2 * half, 1, colour)

    def curve(self, points: Iterator[tuple[float, float]], radius: float, colour: Colour) -> None:
        """Draw a thick line through the points."""
        before: tuple[float, float] | None = None
        for x, y in points:
            x0, y0 = before or (x, y)
            steps = max(1, math.ceil(math.hypot(x - x0, y - y0) / max(1.0, radius / 2)))
            for step in range(steps + 1):
                share = step / steps
                self.disc(x0 + (x - x0) * share, y0 + (y - y0) * share, radius, colour)
            before = (x, y)

    def line(
        self, start: tuple[float, float], end: tuple[float, float], radius: float, colour: Colour
    ) -> None:
        """Draw a straight thick line."""
        self.curve(iter((start, end)), radius, colour)

    def text(self, left: float, top: float, text: str, scale: int, colour: Colour = INK) -> None:
        """Write ASCII text; a letter is 5 x 7 dots of `scale` pixels."""
        x = left
        for letter in text:
            start = 5 * (ord(letter) - ord(" "))
            for column, dots in enumerate(_FONT[start : start + 5]):
                for row in range(8):
                    if dots >> row & 1:
                        self.box(x + column * scale, top + row * scale, scale, scale, colour)
            x += 6 * scale

    def write(self, path: Path) -> None:
        """Write the picture as PPM."""
        header = f"P6\n{self.width} {self.height}\n255\n".encode()
        path.write_bytes(header + self.pixels)

    def write_cut_out(self, path: Path, transparent: Colour) -> None:
        """Write the picture as PAM; pixels of one colour are see-through."""
        clear = bytes(transparent)
        data = bytearray()
        for start in range(0, len(self.pixels), 3):
            pixel = self.pixels[start : start + 3]
            data += pixel + (b"\0" if pixel == clear else b"\xff")
        header = (
            f"P7\nWIDTH {self.width}\nHEIGHT {self.height}\nDEPTH 4\nMAXVAL 255\n"
            "TUPLTYPE RGB_ALPHA\nENDHDR\n"
        )
        path.write_bytes(header.encode() + data)


@dataclass(frozen=True)
class Slide:
    """A heading, lines of text, and a drawing."""

    heading: str
    lines: tuple[str, ...]
    draw: Callable[[Canvas], None]


def _axes(canvas: Canvas) -> None:
    """A squared plane with its origin at (1330, 620) and 70 pixels a unit."""
    canvas.box(980, 240, 700, 700, (255, 255, 255))
    for step in range(11):
        canvas.box(980 + 70 * step, 240, 2, 700, GRID)
        canvas.box(980, 240 + 70 * step, 700, 2, GRID)
    canvas.box(980, 658, 700, 4, INK)
    canvas.box(1328, 240, 4, 700, INK)
    canvas.text(1650, 670, "x", 4)
    canvas.text(1346, 244, "y", 4)


def _graph(canvas: Canvas, function: Callable[[float], float], colour: Colour) -> None:
    plane = ((1330 + 70 * (step / 40), 660 - 70 * function(step / 40)) for step in range(-190, 191))
    canvas.curve((point for point in plane if 246 <= point[1] <= 934), 4, colour)


def _parabola(canvas: Canvas) -> None:
    _axes(canvas)
    _graph(canvas, lambda x: x * x / 2 - 2, CURVE)
    canvas.disc(1330, 800, 12, ACCENT)
    canvas.text(1350, 812, "V(0, -2)", 4, ACCENT)


def _two_parabolas(canvas: Canvas) -> None:
    _axes(canvas)
    _graph(canvas, lambda x: x * x, CURVE)
    _graph(canvas, lambda x: (x - 2) * (x - 2) - 3, SECOND)
    canvas.line((1330, 660), (1470, 870), 3, ACCENT)
    canvas.disc(1470, 870, 12, ACCENT)


def _roots(canvas: Canvas) -> None:
    _axes(canvas)
    _graph(canvas, lambda x: x * x - x - 2, CURVE)
    for root in (-1, 2):
        canvas.disc(1330 + 70 * root, 660, 14, ACCENT)
    canvas.text(1210, 690, "-1", 4, ACCENT)
    canvas.text(1480, 690, "2", 4, ACCENT)


def _table(canvas: Canvas) -> None:
    for row, cells in enumerate((("D", "roots"), ("> 0", "two"), ("= 0", "one"), ("< 0", "none"))):
        top = 300 + 120 * row
        canvas.box(1000, top, 640, 116, ACCENT if row == 0 else SHADE)
        for column, cell in enumerate(cells):
            colour = PAPER if row == 0 else INK
            canvas.text(1050 + 300 * column, top + 30, cell, 7, colour)


def _bars(canvas: Canvas) -> None:
    for index, share in enumerate((0.35, 0.6, 0.9, 0.75, 0.5, 0.25)):
        height = 560 * share
        colour = (ACCENT, SECOND, CURVE)[index % 3]
        canvas.box(1010 + 110 * index, 900 - height, 80, height, colour)
        canvas.text(1030 + 110 * index, 915, str(index + 1), 5, MUTED)
    canvas.box(990, 900, 690, 4, INK)


def _frame(canvas: Canvas) -> None:
    canvas.box(1040, 400, 480, 480, SHADE)
    for start, end in (
        ((1040, 400), (1520, 400)),
        ((1520, 400), (1520, 880)),
        ((1520, 880), (1040, 880)),
        ((1040, 880), (1040, 400)),
    ):
        canvas.line(start, end, 5, INK)
    canvas.text(1240, 910, "2x", 6, ACCENT)
    canvas.text(1545, 620, "24-2x", 5, ACCENT)


SLIDES = (
    Slide(
        "Lecture 1: Quadratic functions",
        ("y = a x^2 + b x + c", "", "a > 0   opens upwards", "a < 0   opens downwards",
         "", "The lowest point is", "called the vertex."),
        _parabola,
    ),
    Slide(
        "Moving a parabola",
        ("y = a (x - p)^2 + q", "", "p moves it to the right,", "q moves it up.", "",
         "Here: p = 2, q = -3", "Vertex: (2, -3)"),
        _two_parabolas,
    ),
    Slide(
        "Where it meets the x-axis",
        ("x^2 - x - 2 = 0", "", "(x + 1)(x - 2) = 0", "", "x = -1   or   x = 2", "",
         "Check: 4 - 2 - 2 = 0"),
        _roots,
    ),
    Slide(
        "The discriminant",
        ("D = b^2 - 4 a c", "", "It tells the number of", "roots before you look", "for them.",
         "", "x = (-b +- sqrt D) / 2a"),
        _table,
    ),
    Slide(
        "How long does it take?",
        ("Minutes for question", "1 to 6, in one class", "of 24 students.", "",
         "Question 3 is the one", "with the parameter:", "we do it together now."),
        _bars,
    ),
    Slide(
        "Exercise: the largest area",
        ("A frame of 48 m. How", "wide is the largest", "area it can enclose?", "",
         "A(x) = 2x (24 - 2x)", "A(x) = -4x^2 + 48x", "x = 6   A = 144 m^2"),
        _frame,
    ),
)  # fmt: skip


def _draw(slide: Slide, number: int, total: int) -> Canvas:
    canvas = Canvas(WIDTH, HEIGHT, PAPER)
    canvas.box(0, 0, WIDTH, 14, ACCENT)
    canvas.text(90, 80, slide.heading, 9, ACCENT)
    canvas.box(90, 172, 1590, 4, GRID)
    for row, line in enumerate(slide.lines):
        canvas.text(110, 250 + 88 * row, line, 6)
    canvas.text(90, 1020, "Haneul Academy   Mathematics 10", 4, MUTED)
    canvas.text(1560, 1020, f"{number} / {total}", 4, MUTED)
    slide.draw(canvas)
    return canvas


def _room() -> Canvas:
    """The wall behind the teacher: a gradient, a shelf with books, a window."""
    canvas = Canvas(CAMERA_WIDTH, CAMERA_HEIGHT, (196, 186, 170))
    for y in range(CAMERA_HEIGHT):
        canvas.box(0, y, CAMERA_WIDTH, 1, (206 - y // 6, 196 - y // 6, 182 - y // 5))
    canvas.box(8, 70, 110, 6, (110, 80, 52))
    for index in range(8):
        colour = ((150, 60, 50), (60, 90, 130), (70, 110, 80))[index % 3]
        canvas.box(12 + 13 * index, 30 + 5 * (index % 4), 10, 40 - 5 * (index % 4), colour)
    canvas.box(160, 22, 44, 66, (228, 226, 214))
    return canvas


_SCREEN = (0, 255, 0)


def _teacher() -> Canvas:
    """Head and shoulders, to be moved in front of the wall."""
    canvas = Canvas(220, 230, _SCREEN)
    canvas.disc(110, 235, 100, (58, 72, 104))
    canvas.box(88, 120, 44, 40, (206, 160, 132))
    canvas.disc(110, 80, 56, (44, 36, 32))
    canvas.disc(110, 92, 50, (222, 178, 150))
    for x in (90, 130):
        canvas.disc(x, 86, 6, (40, 32, 30))
    canvas.box(92, 116, 36, 6, (160, 84, 76))
    return canvas


def _pointer() -> Canvas:
    canvas = Canvas(40, 40, _SCREEN)
    canvas.disc(20, 20, 18, (230, 40, 40))
    canvas.disc(20, 20, 9, (255, 170, 150))
    return canvas


# A voice: a buzz whose pitch wanders, cut into syllables and phrases, over the hiss of a room.
_VOICE = (
    "0.30*(0.5+0.5*sin(2*PI*3.7*t+sin(t)))*gt(mod(t,5.3),0.6)"
    "*(sin(2*PI*130*t+6*sin(2*PI*0.9*t))+0.5*sin(2*PI*390*t+9*sin(2*PI*1.3*t))"
    "+0.2*sin(2*PI*1180*t+12*sin(2*PI*2.1*t)))*0.5+0.004*(random(0)-0.5)"
)


def _graph_of_filters(camera: bool) -> str:
    to_709 = "scale=out_color_matrix=bt709:out_range=tv"
    if not camera:
        return f"[0:v]{to_709},format=yuv420p,fps={RATE}[out]"
    # Stills are converted once and then repeated: the other way round costs ten times as much.
    return (
        f"[0:v]{to_709},format=yuv420p,fps={RATE}[slides];"
        f"[1:v]{to_709},format=yuv420p,loop=-1:1,fps={RATE}[room];"
        f"[2:v]{to_709},format=yuva420p[teacher];[3:v]{to_709},format=yuva420p[pointer];"
        "[room][teacher]overlay=x='-2+14*sin(t*1.1)+4*sin(t*5.3)':y='44+6*sin(t*2.3)',"
        "noise=alls=16:allf=t:all_seed=7[camera];"
        f"[slides][camera]overlay=x={WIDTH - CAMERA_WIDTH - 12}:y={HEIGHT - CAMERA_HEIGHT - 12}"
        "[scene];"
        "[scene][pointer]overlay=x='880+620*sin(t*0.53)*cos(t*0.17)':y='520+330*sin(t*0.71)',"
        "format=yuv420p[out]"
    )


def make_lecture(path: Path, ffmpeg: str, seconds: float = 60, *, camera: bool = True) -> Path:
    """Write a lecture of `seconds` to `path` (MP4); about 12 s of work for 60 s on two cores.

    Without a `camera` nothing moves between one slide and the next. The file appears at once,
    complete or not at all. Raises LectureError when ffmpeg fails.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".lecture-", dir=path.parent) as folder:
        work = Path(folder)
        count = max(1, math.ceil(seconds / SECONDS_PER_SLIDE))
        for number, slide in enumerate(SLIDES[:count], start=1):
            _draw(slide, number, len(SLIDES)).write(work / f"slide{number:02d}.ppm")
        _room().write(work / "room.ppm")
        _teacher().write_cut_out(work / "teacher.pam", _SCREEN)
        _pointer().write_cut_out(work / "pointer.pam", _SCREEN)
        _encode(work, ffmpeg, seconds, camera)
        (work / "lecture.mp4").replace(path)
    return path


def _encode(work: Path, ffmpeg: str, seconds: float, camera: bool) -> None:
    slides = ["-loop", "1", "-framerate", f"1/{SECONDS_PER_SLIDE}"]
    command = [
        ffmpeg, "-v", "error", "-nostdin", "-y",
        *slides, "-i", "slide%02d.ppm",
        "-i", "room.ppm", "-i", "teacher.pam", "-i", "pointer.pam",
        "-f", "lavfi", "-i", f"aevalsrc='{_VOICE}':s=48000",
        "-filter_complex", _graph_of_filters(camera), "-map", "[out]", "-map", "4:a",
        "-t", f"{seconds:g}",
        "-c:v", "libx264", "-preset", "superfast", "-profile:v", "high", "-pix_fmt", "yuv420p",
        "-b:v", "6M", "-maxrate", "8M", "-bufsize", "12M", "-g", str(5 * RATE), "-bf", "2",
        "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
        "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-movflags", "+faststart", "lecture.mp4",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, cwd=work, check=False, capture_output=True, text=True,
            timeout=_TIMEOUT_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise LectureError(f"the lecture could not be generated: {error}") from error
    if done.returncode != 0:
        raise LectureError(f"the lecture could not be generated:\n{done.stderr[-2000:]}")


def main(arguments: list[str]) -> int:
    """`lecture.py PATH FFMPEG [SECONDS]`."""
    path, ffmpeg, *rest = arguments
    print(make_lecture(Path(path), ffmpeg, float(rest[0]) if rest else 60))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
