"""Where the page lies in the picture: markers, homography, and the bend of the paper.

Markers are looked for on a copy of about 1,000 pixels, where ArUco takes a few milliseconds, and
their corners are then refined in full size. The black squares halfway along the edges give the
rest: paper is never quite flat, and one marker may be hidden.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from academy.sheets.layout.geometry import ANCHOR, MARGIN, MARKER, Box
from academy.sheets.reading.results import SheetError

Gray = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pixels:
    """A picture as the reader takes it: its red channel, and all three where it has colours."""

    red: Gray
    rgb: Gray | None = None

    @property
    def shown(self) -> Gray:
        """What people are shown: the colours, where there are any."""
        return self.red if self.rgb is None else self.rgb


_TRIES: Final = ((1000, (23, 23)), (1000, (11, 47)), (1700, (15, 63)))
"""Longest side of the copy, and the smallest and largest window of its threshold, in turn."""
_WINDOW_STEP = 12
_FEWEST = 3
_REACH = (4.5, 2.5)
"""How far in millimetres an anchor is searched with three markers, and with four."""
_LARGEST_RESIDUAL_MM = 1.5
_EDGE = MARGIN + MARKER / 2


@dataclass(frozen=True)
class Alignment:
    """From millimetres on the page to pixels in the picture.

    `matrix` is the homography; `bend` what the middles of the top, right, bottom and left edge
    lie off it, in millimetres.
    """

    width: float
    height: float
    matrix: npt.NDArray[np.float64]
    bend: npt.NDArray[np.float64]
    markers: int

    def to_pixels(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Pixels of page points (N x 2)."""
        bent = points + self._weights(points) @ self.bend
        out = np.empty_like(bent)
        m = self.matrix
        w = m[2, 0] * bent[:, 0] + m[2, 1] * bent[:, 1] + m[2, 2]
        out[:, 0] = (m[0, 0] * bent[:, 0] + m[0, 1] * bent[:, 1] + m[0, 2]) / w
        out[:, 1] = (m[1, 0] * bent[:, 0] + m[1, 1] * bent[:, 1] + m[1, 2]) / w
        return out

    def local_axes(
        self, points: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Around each point: its pixel, and the pixels that one millimetre right and down add."""
        middle = self.to_pixels(points)
        right = self.to_pixels(points + np.array([1.0, 0.0])) - middle
        down = self.to_pixels(points + np.array([0.0, 1.0])) - middle
        return middle, right, down

    def rectified(self, picture: Gray, box: Box, pixels_per_mm: float) -> Gray:
        """A part of the page, upright and flat."""
        across = max(2, round(box.width * pixels_per_mm))
        down = max(2, round(box.height * pixels_per_mm))
        columns, rows = max(2, across // 24 + 1), max(2, down // 24 + 1)
        x, y = np.meshgrid(
            box.x + (np.linspace(0, across - 1, columns) + 0.5) / pixels_per_mm,
            box.y + (np.linspace(0, down - 1, rows) + 0.5) / pixels_per_mm,
        )
        coarse = self.to_pixels(np.stack([x.ravel(), y.ravel()], axis=1)).astype(np.float32)
        fine = _spread(coarse.reshape(rows, columns, 2), across, down)
        # The centre of a pixel is at its half.
        fine -= np.float32(0.5)
        return np.asarray(
            cv2.remap(
                picture,
                fine[..., 0],
                fine[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.uint8,
        )

    def _weights(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Share of each edge's middle: the shape functions of an eight-node element."""
        x = (points[:, 0] - self.width / 2) / (self.width / 2 - _EDGE)
        y = (points[:, 1] - self.height / 2) / (self.height / 2 - _EDGE)
        across, down = 1 - x**2, 1 - y**2
        return (
            np.stack([across * (1 - y), down * (1 + x), across * (1 + y), down * (1 - x)], axis=1)
            / 2
        )


def _spread(coarse: Floats, width: int, height: int) -> Floats:
    """A coarse grid, whose outer nodes lie on the outer pixels, at every pixel."""
    rows, columns = coarse.shape[:2]
    x = np.linspace(0, columns - 1, width, dtype=np.float32)
    y = np.linspace(0, rows - 1, height, dtype=np.float32)
    grid = np.meshgrid(x, y)
    return np.asarray(cv2.remap(coarse, grid[0], grid[1], cv2.INTER_LINEAR), np.float32)


def find_markers(picture: Gray) -> dict[int, Floats]:
    """Corners of each marker found, by its number: clockwise from its own top left."""
    found: dict[int, Floats] = {}
    for side, windows in _TRIES:
        small, factor = reduced(picture, side)
        found = _detect(small, factor, windows) | found
        if len(found) == 4:
            break
    return _refined(picture, found)


def reduced(picture: Gray, side: int) -> tuple[Gray, int]:
    """A copy about so many pixels long, and the whole number by which it is smaller.

    Averaging whole blocks takes a fifth of the time that any other factor does.
    """
    factor = max(1, round(max(picture.shape) / side))
    if factor == 1:
        return picture, 1
    height, width = (length // factor for length in picture.shape)
    whole = picture[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), factor


def _detect(small: Gray, factor: int, windows: tuple[int, int]) -> dict[int, Floats]:
    corners, numbers, _ = _detector(windows).detectMarkers(small)
    best: dict[int, Floats] = {}
    # Without any marker the numbers are None, whatever the stubs say.
    for quad, number in zip(corners, [] if not corners else numbers.ravel(), strict=True):
        # Pixel centres: half a pixel of the copy is more than half a pixel of the picture.
        points = (quad.reshape(4, 2) + 0.5) * factor - 0.5
        key = int(number)
        if key not in best or cv2.contourArea(points) > cv2.contourArea(best[key]):
            best[key] = points.astype(np.float32)
    return best


def _refined(picture: Gray, found: dict[int, Floats]) -> dict[int, Floats]:
    refined = {}
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 20, 0.02)
    for number, points in found.items():
        side = float(np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).mean())
        window = int(np.clip(side / 14, 2, 8))
        refined[number] = np.asarray(
            cv2.cornerSubPix(picture, points[:, None].copy(), (window, window), (-1, -1), stop),
            np.float32,
        ).reshape(4, 2)
    return refined


@cache
def _detector(windows: tuple[int, int]) -> cv2.aruco.ArucoDetector:
    whole = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    dictionary = cv2.aruco.Dictionary(whole.bytesList[:4], 4, whole.maxCorrectionBits)
    parameters = cv2.aruco.DetectorParameters()
    parameters.adaptiveThreshWinSizeMin, parameters.adaptiveThreshWinSizeMax = windows
    parameters.adaptiveThreshWinSizeStep = _WINDOW_STEP
    parameters.minMarkerPerimeterRate = 0.06
    parameters.maxMarkerPerimeterRate = 0.5
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_NONE
    return cv2.aruco.ArucoDetector(dictionary, parameters)


def align(
    picture: Gray,
    found: dict[int, Floats],
    size: tuple[float, float],
    markers: tuple[Box, ...],
    anchors: tuple[Box, ...],
) -> Alignment:
    """Place a page of this size, with its markers and anchors, in the picture.

    Raises:
        SheetError: too few markers, or markers that do not fit one flat page.
    """
    if len(found) < _FEWEST:
        raise SheetError("sheet_markers_missing", found=len(found))
    page = np.concatenate([_corners(markers[number]) for number in sorted(found)])
    seen = np.concatenate([found[number] for number in sorted(found)]).astype(np.float64)
    complete = len(found) == 4
    alignment = Alignment(size[0], size[1], _homography(page, seen), np.zeros((4, 2)), len(found))
    middles = np.array([box.center for box in anchors])
    if not complete:
        # Beyond three markers the fourth corner is a guess until the edges are seen.
        offsets = _offsets(picture, alignment, anchors, _REACH[0])
        known = ~np.isnan(offsets[:, 0])
        if known.sum() < 2:
            raise SheetError("sheet_markers_missing", found=len(found))
        points = alignment.to_pixels(middles[known] + offsets[known])
        page, seen = np.concatenate([page, middles[known]]), np.concatenate([seen, points])
        alignment = replace(alignment, matrix=_homography(page, seen))
    _check(alignment, page, seen)
    bend = _offsets(picture, alignment, anchors, _REACH[1])
    return replace(alignment, bend=np.nan_to_num(bend))


def _corners(box: Box) -> npt.NDArray[np.float64]:
    right, bottom = box.x + box.width, box.y + box.height
    return np.array([[box.x, box.y], [right, box.y], [right, bottom], [box.x, bottom]])


def _homography(
    page: npt.NDArray[np.float64], seen: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    matrix, _ = cv2.findHomography(page, seen, 0)
    if np.shape(matrix) != (3, 3) or not np.isfinite(matrix).all():
        raise SheetError("sheet_not_flat")
    return np.asarray(matrix, np.float64)


def _check(
    alignment: Alignment, page: npt.NDArray[np.float64], seen: npt.NDArray[np.float64]
) -> None:
    """Four markers of two different sheets, or a crumpled one, do not make one page."""
    middle, right, down = alignment.local_axes(page)
    pixels_per_mm = np.sqrt(np.abs(right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0]))
    off = np.linalg.norm(middle - seen, axis=1) / np.maximum(pixels_per_mm, 1e-6)
    if float(off.max()) > _LARGEST_RESIDUAL_MM or float(pixels_per_mm.min()) < 2.0:
        raise SheetError("sheet_not_flat")


def _offsets(
    picture: Gray, alignment: Alignment, anchors: tuple[Box, ...], reach: float
) -> npt.NDArray[np.float64]:
    """How far each anchor lies from where it is expected, in millimetres; NaN where unseen."""
    scale = 5.0
    out = np.full((len(anchors), 2), np.nan)
    for index, box in enumerate(anchors):
        window = alignment.rectified(picture, box.grown(reach), scale)
        low, high = np.percentile(window, (3, 90))
        if high - low < 40:
            continue
        dark = (window < (low + high) / 2).astype(np.uint8)
        count, _, stats, middles = cv2.connectedComponentsWithStats(dark, connectivity=4)
        for part in range(1, count):
            area = stats[part, cv2.CC_STAT_AREA] / scale**2
            wide = stats[part, cv2.CC_STAT_WIDTH] / scale
            high_ = stats[part, cv2.CC_STAT_HEIGHT] / scale
            square = 0.7 < wide / high_ < 1.4 and area > 0.75 * wide * high_
            if square and 0.6 * ANCHOR**2 < area < 1.5 * ANCHOR**2:
                half = np.array([box.width, box.height]) / 2 + reach
                out[index] = (middles[part] + 0.5) / scale - half
                break
    return out
