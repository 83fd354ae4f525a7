from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from models.kernel.errors import Malformed
from models.library.entities import Area, AreaId

MOST_BYTES: Final = 2 * 2**20
"""Bytes of the uploaded file, and of the stored picture."""
MOST_PIXELS: Final = 25_000_000
"""Pixels of an uploaded picture, decoded to four bytes each; A3 at 300 dpi has 17 million."""
LONGEST_SIDE: Final = 2400
"""Pixels of the longer side of the stored picture."""
FARTHEST: Final = 20_000
"""Plan units: the largest coordinate and width of a picture."""
_FAINT: Final = 50


@dataclass(frozen=True, slots=True)
class PicturePlace:
    """The top-left corner and the width in plan units; ``opacity`` in percent."""

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
    """An area's picture without its content. ``version`` changes with every change."""

    area_id: AreaId
    version: str
    digest: str
    width: int
    height: int
    place: PicturePlace


def fitted(area: Area, file: PictureFile) -> PicturePlace:
    """The largest placement that keeps the picture inside the plan."""
    scale = min(area.width / file.width, area.height / file.height)
    return PicturePlace(0, 0, max(1, round(file.width * scale)), _FAINT)


def check_place(place: PicturePlace) -> None:
    """Raises: Malformed."""
    inside = all(-FARTHEST <= at <= FARTHEST for at in (place.x, place.y))
    if not (inside and 1 <= place.width <= FARTHEST and 5 <= place.opacity <= 100):
        raise Malformed("place", "picture_place", most=FARTHEST)
