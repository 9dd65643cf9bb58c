"""What a source file is: the typed result of a probe. Pure data, no ffmpeg."""

from dataclasses import dataclass
from fractions import Fraction

_HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
_PROGRESSIVE = "progressive"


@dataclass(frozen=True)
class VideoTrack:
    """The picture track that is used.

    `width` and `height` are the coded size in pixels, before rotation and pixel shape; `rotation`
    is the clockwise turn in degrees (0, 90, 180, 270) that a player applies.
    """

    index: int
    codec: str
    profile: str
    width: int
    height: int
    pixel_aspect: Fraction
    rotation: int
    pixel_format: str
    full_range: bool
    matrix: str
    transfer: str
    primaries: str
    field_order: str
    average_rate: Fraction
    """Frames per second, averaged over the file; 0 where the container does not say."""
    base_rate: Fraction
    """The lowest rate on whose grid all timestamps lie; far above the average when variable."""
    duration: float | None
    """Seconds of this track; None where the container does not say."""
    reordered: bool = False
    """Whether pictures are stored in another order than they are shown in."""

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height as seen: after pixel shape and rotation, rounded to whole pixels."""
        width = self.width * self.pixel_aspect
        size = (max(1, round(width)), self.height)
        return size if self.rotation in (0, 180) else (size[1], size[0])

    @property
    def hdr(self) -> bool:
        """Whether the transfer function is PQ or HLG."""
        return self.transfer in _HDR_TRANSFERS

    @property
    def says_progressive(self) -> bool:
        """Whether the container itself states that the picture is not interlaced."""
        return self.field_order == _PROGRESSIVE


@dataclass(frozen=True)
class AudioTrack:
    """One sound track."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    language: str
    title: str
    default: bool
    duration: float | None


@dataclass(frozen=True)
class Source:
    """A probed file. `duration` is in seconds; it is what the container claims."""

    container: str
    size: int
    duration: float
    video: VideoTrack | None
    audio: tuple[AudioTrack, ...]
    interlaced: bool = False
    start: Fraction = Fraction(0)
    """Where the container's clock starts, in seconds; recorders rarely start at 0."""

    @property
    def main_audio(self) -> AudioTrack | None:
        """The track to use: the one marked as default, else the first."""
        return next((track for track in self.audio if track.default), next(iter(self.audio), None))
