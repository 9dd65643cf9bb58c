"""A page in a picture: where it lies, straight and clean, and what of its ink is handwriting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.ai.pages.paper import evened

Picture = npt.NDArray[np.uint8]
"""Height x width x 3, in OpenCV's order (blue, green, red)."""
Mask = npt.NDArray[np.bool_]

_SEARCH_SIDE: Final = 480
_SMALLEST: Final = 0.15
"""Of the picture: less bright paper is no page that somebody shows."""
_STRAIGHT_SIDE: Final = 1_400
_SKIN: Final = ((0, 136, 80), (255, 180, 128))
"""In YCrCb."""
_HAND: Final = 0.006
"""Of a page: a smaller patch of skin's colour is print."""
_DARK: Final = 190
_COLOURED: Final = 42
"""Between the largest and the smallest of a pixel's three colours: more is a coloured pen."""
_PALER: Final = 45
"""Gray levels: ink so much paler than the print is pencil."""
_TALLER: Final = 1.2
"""Times the usual sign: small print in a blurred picture is as pale as pencil, but not as tall."""
_STROKES: Final = 0.65
"""Of the box around a sign: bold handwriting covers no more of it, a picture does."""
_THICK: Final = 40
"""Of the shorter side, this part: a finger is thicker, the pale edge of a red stroke is not."""
_EDGE: Final = 0.025
_SPECK: Final = 4


@dataclass(frozen=True)
class Page:
    """A straightened, cleaned page."""

    picture: Picture
    covered: Mask
    """Where a hand lies on it."""
    sharpness: float
    found: bool
    """Whether the paper's edges were seen; else it is the whole picture."""

    @property
    def covered_share(self) -> float:
        """Of the page."""
        return float(self.covered.mean())


@dataclass(frozen=True)
class Ink:
    """Pixels of a page that are written by hand, and printed; and of the page that can be seen."""

    hand: int
    printed: int
    seen: int

    @property
    def ratio(self) -> float:
        """Of all ink, what is handwriting."""
        return self.hand / max(1, self.hand + self.printed)

    @property
    def density(self) -> float:
        """Of the page, what is covered by handwriting."""
        return self.hand / max(1, self.seen)


def page_of(picture: Picture) -> Page | None:
    """The page of a picture; None where there is no paper to be seen."""
    corners = _corners(picture)
    if corners is None:
        return None
    straight, found = _straightened(picture, corners), not _is_whole(corners, picture)
    hand = _hand(straight)
    gray = cv2.cvtColor(straight, cv2.COLOR_BGR2GRAY)
    light = float(np.median(gray)) + 1
    sharp = float(cv2.Laplacian(gray, cv2.CV_32F)[~hand].var()) / light**2 if not hand.all() else 0
    return Page(_cleaned(straight), hand, sharp, found)


def _corners(picture: Picture) -> npt.NDArray[np.float32] | None:
    """Corners of the largest sheet of paper: top left, top right, bottom right, bottom left."""
    scale = _SEARCH_SIDE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    paper = _paper(np.asarray(small, np.uint8))
    contours, _ = cv2.findContours(paper, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    hull = np.asarray(cv2.convexHull(max(contours, key=cv2.contourArea)), np.int32)
    area = cv2.contourArea(hull)
    if area < _SMALLEST * small.shape[0] * small.shape[1]:
        return None
    quad = _quad(hull, area)
    if quad is None:
        quad = np.asarray(cv2.boxPoints(cv2.minAreaRect(hull)), np.float32)
        if cv2.contourArea(quad) > 1.35 * area:
            height, width = small.shape[:2]
            quad = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    height, width = picture.shape[:2]
    corners = np.clip(quad.reshape(4, 2) / scale, 0, [width, height])
    return _in_order(corners.astype(np.float32))


def _paper(small: Picture) -> npt.NDArray[np.uint8]:
    """255 where it is bright and without colour, whatever is printed there."""
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    value = cv2.GaussianBlur(hsv[..., 2], (5, 5), 0)
    # Print and shade within the page are closed before the page is told from the table.
    closed = cv2.morphologyEx(value, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    threshold, _ = cv2.threshold(closed, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    bright = (closed > threshold) & (hsv[..., 1] < 90)
    paper = bright.astype(np.uint8) * 255
    whole = cv2.morphologyEx(paper, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    return np.asarray(cv2.morphologyEx(whole, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8)), np.uint8)


def _quad(hull: npt.NDArray[np.int32], area: float) -> npt.NDArray[np.float32] | None:
    around = cv2.arcLength(hull, closed=True)
    for share in (0.02, 0.03, 0.05, 0.08):
        quad = cv2.approxPolyDP(hull, share * around, closed=True)
        if len(quad) == 4 and cv2.contourArea(quad) > 0.88 * area:
            return quad.reshape(4, 2).astype(np.float32)
    return None


def _in_order(corners: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    middle = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - middle[1], corners[:, 0] - middle[0])
    turned = corners[np.argsort(angles)]
    first = int((turned - middle).sum(axis=1).argmin())
    return np.asarray(np.roll(turned, -first, axis=0), np.float32)


def _is_whole(corners: npt.NDArray[np.float32], picture: Picture) -> bool:
    height, width = picture.shape[:2]
    return bool(cv2.contourArea(corners) > 0.97 * height * width)


def _straightened(picture: Picture, corners: npt.NDArray[np.float32]) -> Picture:
    def side(a: int, b: int) -> float:
        return float(np.linalg.norm(corners[a] - corners[b]))

    width, height = (side(0, 1) + side(3, 2)) / 2, (side(0, 3) + side(1, 2)) / 2
    scale = min(1.0, _STRAIGHT_SIDE / max(width, height))
    size = max(16, round(width * scale)), max(16, round(height * scale))
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    return np.asarray(cv2.warpPerspective(picture, matrix, size), np.uint8)


def _cleaned(straight: Picture) -> Picture:
    """White paper and its own colours, in even light."""
    channels = [evened(np.ascontiguousarray(channel)) for channel in cv2.split(straight)]
    return np.asarray(cv2.merge(channels), np.uint8)


def _hand(straight: Picture) -> Mask:
    """Large patches of skin's colour, a little grown."""
    skin = cv2.inRange(cv2.cvtColor(straight, cv2.COLOR_BGR2YCrCb), *map(np.array, _SKIN))
    grown = max(5, min(skin.shape) // _THICK)
    skin = cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((grown, grown), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(skin, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= _HAND * skin.size
    large[0] = False
    if count <= 1 or not large.any():
        return np.zeros(skin.shape, bool)
    mask = cv2.dilate(large[labels].astype(np.uint8), np.ones((grown, grown), np.uint8))
    return np.asarray(mask > 0, bool)


def ink_of(page: Page) -> Ink:
    """What of a page's ink is handwriting: coloured pens, pencil, and what stands in no print.

    Print is neutral and the darkest ink of the page, and most of it stands in rows of signs of one
    height. A black pen is told from print by that alone, and less surely.
    """
    picture = page.picture
    gray = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    height, width = gray.shape
    seen = ~page.covered
    edge = max(1, round(min(height, width) * _EDGE))
    seen[:edge] = seen[-edge:] = False
    seen[:, :edge] = seen[:, -edge:] = False
    ink = (gray < _DARK) & seen
    spread = picture.max(axis=2).astype(np.int16) - picture.min(axis=2)
    coloured = ink & (cv2.blur(spread.astype(np.float32), (3, 3)) > _COLOURED)
    pen = cv2.dilate(coloured.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    written = ink & pen
    neutral = ink & ~pen
    by_hand = _neutral_hand(neutral, gray)
    hand = int(written.sum()) + int(by_hand.sum())
    return Ink(hand, int(ink.sum()) - hand, int(seen.sum()))


def _neutral_hand(neutral: Mask, gray: npt.NDArray[np.uint8]) -> Mask:
    """The neutral ink that is pencil, or that no row of print explains."""
    count, *found = cv2.connectedComponentsWithStats(neutral.astype(np.uint8), connectivity=8)
    labels, stats = np.asarray(found[0], np.int32), np.asarray(found[1], np.int32)
    if count <= 1:
        return np.zeros(neutral.shape, bool)
    areas = stats[:, cv2.CC_STAT_AREA]
    darkest = np.full(count, 255.0)
    np.minimum.at(darkest, labels.ravel(), gray.ravel())
    real = areas >= _SPECK
    real[0] = False
    if not real.any():
        return np.zeros(neutral.shape, bool)
    print_level = float(np.percentile(np.repeat(darkest[real], areas[real]), 25))
    tall = stats[:, cv2.CC_STAT_HEIGHT]
    usual = float(np.percentile(tall[real], 35))
    paler = real & (darkest > print_level + _PALER) & (tall > _TALLER * usual)
    by_hand = paler | (real & ~paler & _unlike_print(stats, usual))
    by_hand[0] = False
    return np.asarray(by_hand[labels], bool)


def _unlike_print(stats: npt.NDArray[np.int32], usual: float) -> Mask:
    """Components much taller than the signs of print, but neither rules nor pictures."""
    tall = stats[:, cv2.CC_STAT_HEIGHT]
    wide = stats[:, cv2.CC_STAT_WIDTH]
    fill = stats[:, cv2.CC_STAT_AREA] / np.maximum(1, tall * wide)
    rule = (wide > 12 * usual) | (tall > 8 * usual) | (np.maximum(wide, tall) > 15 * np.minimum(
        wide, tall
    ))  # fmt: skip
    return np.asarray((tall > 1.9 * usual) & (tall >= 8) & (fill < _STROKES) & ~rule, bool)
