"""Parameters of the video kinds, as clients submit them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from academy.jobs.kinds import Params
from academy.video.models import Profile

MAX_POSITION = 100_000
SESSION_CHARS = 80
TITLE_CHARS = 200


class TranscodeParams(Params):
    """Make a playable video of an uploaded recording."""

    upload: UUID = Field(description="A complete upload with the purpose `video`.")
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TITLE_CHARS)
    ] = Field(description="Shown to students.", examples=["Quadratic functions, lesson 1"])
    session: Annotated[str, StringConstraints(strip_whitespace=True, max_length=SESSION_CHARS)] = (
        Field(default="", description="The course or class meeting that it belongs to.")
    )
    position: int | None = Field(
        default=None, ge=0, le=MAX_POSITION, strict=True,
        description="Its place among the videos of its session; null: after those that have one.",
    )  # fmt: skip
    profile: Profile = Field(
        default=Profile.STANDARD,
        description="`saver` adds a rung of half the size, `encrypted` encrypts the segments.",
    )
    video: UUID | None = Field(
        default=None,
        description=(
            "Replace what this video plays. It plays the old recording until the new one is ready; "
            "title, session and position stay as they are."
        ),
    )


class PieceParams(Params):
    """Encode one piece of a divided lecture."""

    plan: str = Field(description="Key of the lecture's plan in the video bucket.")
    piece: str = Field(description="The piece's name in the plan.")


class DeleteParams(Params):
    """Delete for good what a video has, or (`superseded`) what it no longer plays."""

    video: UUID = Field(description="A deleted video; with `superseded` it may live on.")
    superseded: UUID | None = Field(
        default=None, description="The transcode job whose output has been replaced."
    )


class DownloadParams(Params):
    """Make one MP4 file of what a video plays."""

    video: UUID = Field(description="A video that is ready.")
    prefix: str = Field(description="The output that it plays, and beside which the file lies.")
