from __future__ import annotations

from datetime import timedelta

from models.kernel.errors import NotFound
from models.kernel.time_range import TimeRange
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Reservation
from models.staff.audit_log import StaffContext


class ReservationLookup:
    def __init__(
        self,
        reservations: ReservationRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
    ) -> None:
        self._reservations, self._readers, self._reference = reservations, readers, reference

    async def get(self, id: str) -> Reservation:
        """Any reader's reservation. Raises: NotFound."""
        r = await self._reservations.get(id)
        if r is None:
            raise NotFound()
        return r

    async def in_the_way(self, reader: Reader, span: TimeRange) -> list[Reservation]:
        """The reader's live bookings and offers that overlap ``span``, preventing a new booking."""
        rows = await self._reservations.live_of(reader.id, span.start - timedelta(days=1))
        return [r for r in rows if r.span.overlaps(span)]

    async def own(self, ctx: StaffContext, id: str) -> Reservation:
        """The reservation, if in one of the staff member's venues. Raises: NotFound; OtherVenue."""
        r = await self.get(id)
        ctx.require(r.venue_id)
        return r

    def require_seat(self, ctx: StaffContext, seat_id: str) -> None:
        """Checks that the seat is in a venue of the staff member. Raises: NotFound; OtherVenue."""
        seat = self._reference.seat_even_if_removed(seat_id)
        ctx.require(self._reference.catalog.areas[seat.area_id].venue_id)

    async def reader_context(self, ctx: StaffContext, r: Reservation) -> RequestContext:
        """The context of a request in which the staff member acts for the reservation's reader.
        Raises: NotFound if the reader no longer exists."""
        reader = await self._readers.get(r.reader_id)
        if reader is None:
            raise NotFound()
        return ctx.acting_for(reader)
