"""Sitting together (一起坐): a reader books a seat and has others held for friends, who accept them
by an invitation, each with their own rules and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final

from models.booking.entitlement import check_seat
from models.booking.idempotency import idempotent
from models.booking.invitations import Invitations
from models.booking.service import ReservationService
from models.booking.writer import MAX_ATTEMPTS
from models.kernel.errors import Busy, NotFound
from models.kernel.ids import ReaderId, ReservationId
from models.kernel.time_range import floor_minute
from models.library.entities import Seat, SeatId
from models.occupancy.live import LiveOccupancy
from models.parties.errors import TooManyParties
from models.parties.rules import (
    HELD_FOR,
    KEPT_FOR,
    check_no_draw,
    check_not_ignored,
    check_size,
    seat_to_accept,
)
from models.policy.entities import Policy
from models.readers.context import RequestContext
from models.readers.entities import normalise_student_no
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData
from models.reservation_store.party_repository import PartyRepository
from models.reservations import rules
from models.reservations.claims import ClaimKind
from models.reservations.entities import OutboxEvent, OutboxEventKind, Reservation
from models.reservations.errors import ClaimLost, StaleRevision
from models.reservations.party import NOBODY, Party, PartySeat, accepted, ended, party_of_booking
from models.reservations.rules import TimeSelection
from models.storage.encryption import FieldCipher

_ID_HEX: Final = 24
"""The length of the id of a booking."""
NOBODY_NAMED: Final[Mapping[str, str]] = {}


class PartyService:
    def __init__(
        self,
        parties: PartyRepository,
        reservations: ReservationService,
        readers: ReaderRepository,
        occupancy: LiveOccupancy,
        reference: ReferenceData,
        cipher: FieldCipher,
    ) -> None:
        self._parties, self._reservations, self._readers = parties, reservations, readers
        self._occupancy, self._reference = occupancy, reference
        self._invitations = Invitations(cipher, "party")
        self.idempotency = reservations.idempotency

    @idempotent
    async def begin(
        self,
        ctx: RequestContext,
        seat_id: str,
        friends_seats: Sequence[str],
        selection: TimeSelection,
        invited: Mapping[str, str] = NOBODY_NAMED,
    ) -> Reservation:
        """Books the seat, and holds ``friends_seats`` of the same area for friends for ten
        minutes; returns the booking. Nothing is booked if one of the seats is taken. ``invited``:
        the student number of the friend for whom a seat is held, by the seat's id; others are
        held for whoever has the invitation.

        Raises: the errors of ``ReservationService.create``; PartyTooLarge, TooManyParties,
        PartiesRefused, NoPartyDuringDraw; NotFound for a seat of another area.
        """
        seat = self._reference.seat(seat_id)
        area, zone = self._reference.catalog.areas[seat.area_id], self._reference.zone
        policy = self._reference.policy_for(area.id, selection.day, ctx.reader)
        seats = [self._reference.seat(id) for id in dict.fromkeys(friends_seats)]
        if seat in seats or any(each.area_id != area.id for each in seats):
            raise NotFound()
        if not invited.keys() <= {each.id for each in seats}:
            raise NotFound()
        check_size(area, 1 + len(seats), policy)
        span = self._reservations.check(ctx, seat, selection, policy)
        for each in seats:
            check_seat(self._reference, each, ctx.reader, span)
        check_no_draw(policy.draw_opens_at(zone, selection.day, ctx.now), ctx.now)
        earlier = await self._parties.of(ctx.reader.id, self._since(ctx.now))
        check_not_ignored(earlier, ctx.now)
        used = {party.number for party in earlier if party.day == selection.day}
        readers = await self._invited(invited)
        held = tuple(PartySeat(each.id, invited=readers.get(each.id)) for each in seats)

        async def store(own: Reservation) -> None:
            for number in range(1, policy.parties_a_day + 1):
                if number not in used and await self._store(own, held, number, ctx.now):
                    return
            raise TooManyParties(limit=policy.parties_a_day)

        return await self._reservations.book(ctx, seat, span, policy, store=store)

    async def _invited(self, numbers: Mapping[str, str]) -> dict[str, ReaderId]:
        """The readers with these student numbers. Nobody learns whether a number has one."""
        if not numbers:
            return {}
        normal = {seat_id: normalise_student_no(no) for seat_id, no in numbers.items()}
        readers = await self._readers.by_numbers(normal.values())
        return {seat_id: readers.get(no, NOBODY) for seat_id, no in normal.items()}

    async def _store(
        self, own: Reservation, held: tuple[PartySeat, ...], number: int, now: datetime
    ) -> bool:
        """Stores the booking and its party, the ``number``-th of the reader's day. False if that
        number is taken, and nothing is stored. Raises: ClaimLost, Unavailable."""
        until = min(floor_minute(now + HELD_FOR), own.end)
        party = Party(
            party_of_booking(own.id),
            1,
            own.id,
            own.reader_id,
            own.date,
            number,
            own.span,
            until,
            held,
        )
        if any(seat.invited not in (None, NOBODY) for seat in held):
            own = _with_event(own, OutboxEventKind.FRIENDS_INVITED, party, now)
        try:
            with self._occupancy.inserting(own.date):
                await self._parties.begin(self._reference.zone, party, own)
        except ClaimLost as lost:
            if lost.kind is not ClaimKind.PARTY:
                raise
            return False
        self._occupancy.record_write(own)
        self._occupancy.record_party(party)
        return True

    def invitation_of(self, party: Party) -> str:
        """The word in the link of the party's invitation."""
        return self._invitations.invitation_to(party.own_id)

    async def invited(self, invitation: str, reader_id: ReaderId) -> Party:
        """The party to which the invitation belongs. For a friend who was named, the id of the
        asker's booking is invitation enough. Raises: NotFound for a wrong one."""
        named = len(invitation) == _ID_HEX
        own_id = invitation if named else self._invitations.booking_of(invitation)
        party = await self.of_booking(ReservationId(own_id))
        if party is None or (named and all(seat.invited != reader_id for seat in party.seats)):
            raise NotFound()
        return party

    async def of_booking(self, own: ReservationId) -> Party | None:
        """The party that was made together with the asker's booking; None for a lone booking."""
        return await self._parties.get(party_of_booking(own))

    async def own(self, reader_id: ReaderId, reservation_id: str) -> Party:
        """The party that the reader has made together with this booking. Raises: NotFound."""
        party = await self.of_booking(ReservationId(reservation_id))
        if party is None or party.asker_id != reader_id:
            raise NotFound()
        return party

    @idempotent
    async def accept(
        self, ctx: RequestContext, invitation: str, seat_id: SeatId | None = None
    ) -> Reservation:
        """Books one of the held seats for the reader; with None for ``seat_id`` the first one.
        Raises: NotFound, InvitationOver; the errors of ``ReservationService.create`` about the
        reader, the seat and the reader's other bookings."""
        for _ in range(MAX_ATTEMPTS):
            party = await self.invited(invitation, ctx.reader.id)
            held = seat_to_accept(party, seat_id, ctx.reader.id, ctx.now)
            seat = self._reference.seat(held.id)
            policy = self._reference.policy_for(seat.area_id, party.day, ctx.reader)
            rules.check_reader_eligible(ctx.reader, party.day, ctx.now)
            check_seat(self._reference, seat, ctx.reader, party.span)
            try:
                return await self._accept(ctx, party, held, seat, policy)
            except StaleRevision:
                continue
        raise Busy()

    async def _accept(
        self, ctx: RequestContext, party: Party, held: PartySeat, seat: Seat, policy: Policy
    ) -> Reservation:
        async def store(booking: Reservation) -> None:
            new = accepted(party, held, booking.id, ctx.now)
            booking = _with_event(booking, OutboxEventKind.FRIEND_JOINED, party, ctx.now)
            with self._occupancy.inserting(party.day):
                new = await self._parties.accept(self._reference.zone, party, new, booking)
            self._occupancy.record_party(new)
            self._occupancy.record_write(booking)

        return await self._reservations.book(ctx, seat, party.span, policy, store=store)

    async def end(self, ctx: RequestContext, reservation_id: str) -> Party:
        """Ends the party that the reader has made together with this booking, which stays: the
        seats that nobody has accepted are free again. Raises: NotFound, Busy, Unavailable."""
        for _ in range(MAX_ATTEMPTS):
            party = await self.own(ctx.reader.id, reservation_id)
            if party.ended_at is not None:
                return party
            try:
                return await self._end(party, ctx.now)
            except StaleRevision:
                continue
        raise Busy()

    async def end_all(self, ctx: RequestContext) -> None:
        """Ends all of the reader's parties, before the reader is erased. Raises: Busy,
        Unavailable."""
        for party in await self._parties.of(ctx.reader.id, self._since(ctx.now)):
            await self.end(ctx, party.own_id)

    def _since(self, now: datetime) -> date:
        return self._reference.zone.day(now - KEPT_FOR)

    async def end_due(self, now: datetime, limit: int = 200) -> int:
        """Ends parties whose time is over; returns their number."""
        done = 0
        for party in await self._parties.due(now, limit):
            try:
                await self._end(party, party.until)
            except StaleRevision:
                continue  # accepted at the last moment
            done += 1
        return done

    async def _end(self, party: Party, at: datetime) -> Party:
        new = await self._parties.end(self._reference.zone, party, ended(party, at))
        self._occupancy.record_party(new)
        return new


def _with_event(r: Reservation, kind: OutboxEventKind, party: Party, now: datetime) -> Reservation:
    event = OutboxEvent(r.rev, kind, now, {"party": party.id})
    return replace(r, outbox=(*r.outbox, event))
