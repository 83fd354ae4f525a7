"""Operations of the API: what everybody may read."""

from __future__ import annotations

from typing import Final

from handlers.display import occupancy, schemas
from handlers.http.endpoint import Access, get
from models.kernel.errors import NotFound

ROUTES: Final = (
    get(
        "/public/occupancy",
        occupancy.public_occupancy,
        "Free seats by area, for everybody, where the library has switched it on",
        Access.ANYONE,
        answer=schemas.PublicOccupancyOut,
        cached=True,
        errors=(NotFound,),
    ),
)
