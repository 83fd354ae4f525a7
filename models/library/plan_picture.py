from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.kernel.errors import Malformed
from models.library.entities import Area, AreaId

MOST_SENT: Final = 12 * 2**20
"""An uploaded file has at most this many bytes: a phone's photograph has 3 to 10 MB."""
MOST_BYTES: Final = 2 * 2**20
"""A stored picture has at most this many bytes."""
MOST_PIXELS: Final = 25_000_000
"""The most pixels of an upload: four bytes each, decoded; an A3 page at 300 dpi has 17 million, a
phone's photograph up to 24 million."""
LONGEST_SIDE: Final = 2400
"""The longer side of a stored picture has at most this many pixels."""
FARTHEST: Final = 20_000
"""The largest permitted coordinate and width of a picture on the plan, in plan units."""
_FAINT: Final = 50


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """The place of a picture on a plan: its top-left corner and its width in plan units.
    `opacity` is in percent."""

    x: int
    y: int
    width: int
    opacity: int


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture as it is stored. ``kind`` is its media type; ``digest`` identifies its content."""

    content: bytes
    kind: str
    width: int
    height: int
    digest: str


@dataclass(frozen=True, slots=True)
class PlanPicture:
    """The picture under an area's plan, without its content. `version` changes with every change
    of the picture or its place."""

    area_id: AreaId
    version: str
    digest: str
    width: int
    height: int
    place: PicturePlace


def fitted(area: Area, file: PictureFile) -> PicturePlace:
    """The place at which the picture is as large as possible without leaving the plan."""
    scale = min(area.width / file.width, area.height / file.height)
    return PicturePlace(0, 0, max(1, round(file.width * scale)), _FAINT)


def check_place(place: PicturePlace) -> None:
    """Raises: Malformed if the place is outside the limits."""
    inside = all(-FARTHEST <= at <= FARTHEST for at in (place.x, place.y))
    if not (inside and 1 <= place.width <= FARTHEST and 5 <= place.opacity <= 100):
        raise Malformed("place", "picture_place", most=FARTHEST)
