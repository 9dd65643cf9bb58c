"""Parameters of the video kinds, as clients submit them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from academy.jobs.kinds import Params


class TranscodeParams(Params):
    """Make a playable video of an uploaded recording."""

    upload: UUID = Field(description="A complete upload with the purpose `video`.")
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)
    ] = Field(description="Shown to students.", examples=["Quadratic functions, lesson 1"])


class PieceParams(Params):
    """Encode one piece of a divided lecture."""

    plan: str = Field(description="Key of the lecture's plan in the video bucket.")
    piece: str = Field(description="The piece's name in the plan.")
