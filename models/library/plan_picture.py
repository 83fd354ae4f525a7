"""A picture of the floor that lies under an area's plan while it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.kernel.errors import Malformed
from models.library.entities import Area, AreaId

MOST_BYTES: Final = 2 * 2**20
"""Of the file that is sent."""
MOST_PIXELS: Final = 25_000_000
"""Of the picture in it: a sheet of A3 at 300 dots an inch has 17 million. Each takes four bytes of
memory while it is read."""
LONGEST_SIDE: Final = 2400
"""Pixels of the picture that is kept."""
FARTHEST: Final = 20_000
"""Plan units, of where a picture may lie and of how wide it may be."""
_FAINT: Final = 50


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """Where the picture lies: its top-left corner and its width in plan units, and how much of it
    is seen, in percent."""

    x: int
    y: int
    width: int
    opacity: int


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture as it is kept. ``digest`` names its content for ever."""

    content: bytes
    kind: str
    width: int
    height: int
    digest: str


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """The picture of an area without its content. ``version`` is another one after each change."""

    area_id: AreaId
    version: str
    digest: str
    width: int
    height: int
    place: PicturePlace


def fitted(area: Area, file: PictureFile) -> PicturePlace:
    """A place on the plan where all of the picture is seen."""
    scale = min(area.width / file.width, area.height / file.height)
    return PicturePlace(0, 0, max(1, round(file.width * scale)), _FAINT)


def check_place(place: PicturePlace) -> None:
    """Raises: Malformed."""
    inside = all(-FARTHEST <= at <= FARTHEST for at in (place.x, place.y))
    if not (inside and 1 <= place.width <= FARTHEST and 5 <= place.opacity <= 100):
        raise Malformed("place", "picture_place", most=FARTHEST)
