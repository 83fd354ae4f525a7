"""The people of a room's booking check in: by a scan, or at the desk."""

from __future__ import annotations

from datetime import datetime

from models.check_in.arrival import KioskCodeScan, PresenceScan, RoomLabelScan, SeatLabelScan
from models.check_in.errors import QrExpired, QrUsed, WrongRoom, WrongSeat, WrongVenue
from models.check_in.service import CheckInService
from models.check_in.transitions import scan_claim
from models.kernel.ids import Actor
from models.readers.context import RequestContext
from models.reservation_store.presence_repository import PresenceMethodRepository
from models.reservations import room_booking
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.room_booking import RoomBooking, RoomState
from models.rooms.service import RoomService, require


class RoomPresence:
    def __init__(
        self, rooms: RoomService, check_in: CheckInService, methods: PresenceMethodRepository
    ) -> None:
        self._rooms, self._check_in, self._methods = rooms, check_in, methods

    async def check_in(self, ctx: RequestContext, id: str, scan: PresenceScan) -> RoomBooking:
        """Checks the people of the booking in by the code that one of them has scanned at a kiosk
        of the venue, or by the room's label. Raises: NotFound, PresenceMethodOff, WrongSeat,
        WrongRoom, WrongVenue, QrExpired, QrUsed, WrongState, TooEarly, TooLate, TooFewPeople."""
        venue_id, code, method = self._check_in.venue_of(scan), None, PresenceMethod.SEAT_LABEL
        if isinstance(scan, SeatLabelScan):
            raise WrongSeat(seat_id=scan.seat_id)
        if isinstance(scan, KioskCodeScan):
            code = scan_claim(scan.kiosk_id, scan.code_step, ctx.reader.id)
            method = scan.method

        def step(b: RoomBooking) -> RoomBooking:
            require(ctx, *b.people)
            if isinstance(scan, RoomLabelScan) and scan.room_id != b.room_id:
                raise WrongRoom(room_id=scan.room_id)
            if b.state is RoomState.IN_USE:
                return b
            if isinstance(scan, KioskCodeScan) and not scan.is_current:
                raise QrExpired()
            if venue_id != b.venue_id:
                raise WrongVenue()
            return room_booking.checked_in(b, code, ctx.actor, ctx.now)

        done = await self._rooms.in_time(id, step, ctx.now, QrUsed)
        proof = PresenceProof(ctx.reader.id, done.venue_id, method, ctx.now)
        await self._methods.record(proof)
        return done

    async def check_in_for_library(self, id: str, actor: Actor, now: datetime) -> RoomBooking:
        """Checks the people of the booking in, of whom the desk sees somebody. Raises: NotFound,
        WrongState, TooEarly, TooLate, TooFewPeople."""
        done = await self._rooms.in_time(
            id, lambda b: room_booking.checked_in(b, None, actor, now), now
        )
        proof = PresenceProof(done.booker, done.venue_id, PresenceMethod.DESK, now)
        await self._methods.record(proof)
        return done
