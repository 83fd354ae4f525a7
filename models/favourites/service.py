from __future__ import annotations

from datetime import datetime

from models.favourites.errors import TooManyFavourites
from models.favourites.repository import MOST_FAVOURITES, FavouriteRepository
from models.kernel.ids import ReaderId
from models.reference_data import ReferenceData


class FavouriteSeats:
    """Manages readers' favourite seats, up to ``MOST_FAVOURITES`` each."""

    def __init__(self, favourites: FavouriteRepository, reference: ReferenceData) -> None:
        self._favourites, self._reference = favourites, reference

    async def add(self, reader_id: ReaderId, seat_id: str, now: datetime) -> None:
        """Adds the seat to the reader's favourites, if new. Raises: NotFound, TooManyFavourites."""
        seat = self._reference.seat(seat_id)
        if not await self._favourites.add(reader_id, seat.id, now):
            raise TooManyFavourites(MOST_FAVOURITES)

    async def remove(self, reader_id: ReaderId, seat_id: str) -> None:
        """Removes the seat from the reader's favourites. Raises: NotFound for an unknown seat."""
        await self._favourites.remove(reader_id, self._reference.seat(seat_id).id)
