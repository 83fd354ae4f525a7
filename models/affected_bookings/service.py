"""Bookings that the library itself has made impossible: by other opening hours, or by a plan that
has not their seat. What becomes of them is somebody's decision, and their readers are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models.affected_bookings.impact import Availability
from models.booking.desk import Desk
from models.kernel.errors import DomainError, NotFound, Overloaded, RuleViolation
from models.kernel.ids import Actor, ReservationId
from models.kernel.time_range import TimeRange, floor_minute, local_date, local_instant, to_local
from models.library.entities import Seat, SeatId
from models.readers.context import RequestContext
from models.reservations import alternatives, rules, transitions
from models.reservations.claims import slot_claims
from models.reservations.entities import Reservation
from models.reservations.errors import ClaimConflict, InvalidState, RevisionConflict
from models.reservations.occupancy import OccupancyRow
from models.reservations.state_machine import ReservationState
from models.storage.mongo import new_id
from models.waitlist.entities import OFFER_DURATION, QUIET_HOURS, WaitlistEntry, in_quiet_hours

KEPT_FOR: Final = timedelta(hours=2)
"""How long another seat is held for who has lost theirs; nights do not count."""
_TRIES: Final = 8


class Resolution(StrEnum):
    """What becomes of them: cancelled with another seat held for each reader, cancelled, or kept
    for now."""

    OFFER = "offer"
    CANCEL = "cancel"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class ResolutionResult:
    """How many were cancelled, for how many of these another seat is held, and how many could not
    be cancelled now: they are among the misfits still."""

    cancelled: int = 0
    offered: int = 0
    left: int = 0

    def __add__(self, more: ResolutionResult) -> ResolutionResult:
        return ResolutionResult(
            self.cancelled + more.cancelled, self.offered + more.offered, self.left + more.left
        )


async def resolve(
    desk: Desk,
    rows: list[OccupancyRow],
    fate: Resolution,
    actor: Actor,
    now: datetime,
    sizes: bool = False,
) -> ResolutionResult:
    """Let it happen to them, as far as they do not fit still; their readers are told. Who sits
    there stays. What is held for somebody is taken back in any case: it is not booked yet.

    ``sizes``: those that are too long or too short do not fit either.
    """
    done, ground = ResolutionResult(), Availability(desk.policy, desk.library)
    # What somebody sits on who has not booked it.
    squatted = (
        await desk.reservations.reported_occupied_seats(now) if fate is Resolution.OFFER else set()
    )
    people = await desk.readers.many({row.reader_id for row in rows})

    def fits(r: Reservation) -> bool:
        sized = not sizes or ground.has_length(r.seat_id, r.start, r.end)
        return sized and ground.can_seat(r.seat_id, r.start, r.end)

    for row in rows:
        reader = people.get(row.reader_id)
        if reader is None:
            continue
        ask = RequestContext(reader, actor, now)
        try:
            if row.state is ReservationState.OFFERED:
                await desk.line.decline(ask, row.id)
            elif row.state is ReservationState.RESERVED and fate is not Resolution.KEEP:
                offer = squatted if fate is Resolution.OFFER else None
                done += await _cancel_or_rebook(desk, ask, row.id, fits, offer)
        except (NotFound, InvalidState):
            continue  # the reader was faster
        except DomainError:
            done += ResolutionResult(left=1)
        await asyncio.sleep(0)  # requests have their turn
    return done


async def _cancel_or_rebook(
    desk: Desk,
    ask: RequestContext,
    id: str,
    fits: Callable[[Reservation], bool],
    offer: Collection[SeatId] | None,
) -> ResolutionResult:
    """Cancel the booking and, in the same step, hold another seat for its reader, where there is
    one; none of those of ``offer``, and none at all where that is None. Nothing happens where it
    fits again: its reader has moved.

    Raises: NotFound, InvalidState, ServiceUnavailable.
    """
    for _ in range(_TRIES):
        old = await desk.get_own(id, ask.reader.id)
        rules.may_cancel(old, ask.now)
        if fits(old):
            return ResolutionResult()
        gone = transitions.cancel(old, ask.actor, ask.now)
        try:
            if offer is not None and await _offer_alternative(desk, ask, old, gone, offer):
                return ResolutionResult(cancelled=1, offered=1)
            await desk.line.save(old, gone, ask.now)
        except RevisionConflict:
            continue
        return ResolutionResult(cancelled=1)
    raise Overloaded()


async def _offer_alternative(
    desk: Desk,
    ask: RequestContext,
    old: Reservation,
    gone: Reservation,
    besides: Collection[SeatId],
) -> bool:
    """False where no seat is free, or the reader could not take it now: nothing has changed then.
    Raises: RevisionConflict, ServiceUnavailable."""
    span = TimeRange(max(old.start, floor_minute(ask.now)), old.end)
    try:
        rules.check_reader_eligible(ask.reader, old.date, ask.now)
    except RuleViolation:
        return False
    ground = Availability(desk.policy, desk.library)
    taken = (await desk.board.get_day(old.date)).by_seat
    for seat in _alternative_seats(desk, old.seat_id, span, ground):
        policy = desk.policy_for(seat.area_id, old.date)
        if seat.id in besides or alternatives.overlaps(taken.get(seat.id, ()), span):
            continue
        if not (
            ground.can_seat(seat.id, span.start, span.end)
            and ground.has_length(seat.id, old.start, old.end)
            and desk.may_use_seat(seat, old.reader_id, old.date)
        ):
            continue
        # In line with an offer: where it is declined, the next one comes by itself.
        joins = WaitlistEntry(
            new_id(),
            old.reader_id,
            seat.area_id,
            frozenset(),
            frozenset(),
            span.start,
            span.end,
            ask.now,
        )
        hold = transitions.create_offer(
            id=ReservationId(new_id()),
            reader_id=old.reader_id,
            venue_id=desk.library.areas[seat.area_id].venue_id,
            area_id=seat.area_id,
            seat_id=seat.id,
            span=span,
            policy=policy,
            claims=slot_claims(seat.id, old.reader_id, span),
            wait_id=joins.id,
            until=_offer_deadline(span, ask.now),
            actor=ask.actor,
            now=ask.now,
            tell="proposed",
        )
        try:
            with desk.board.inserting(hold.date):
                await desk.reservations.replace_and_offer(old, gone, None, hold, joins)
        except ClaimConflict as lost:
            if lost.kind == "w":
                return False  # they are in line for that time already
            continue  # somebody was faster
        desk.board.record_write(gone)
        desk.board.record_write(hold)
        return True
    return False


def _alternative_seats(
    desk: Desk, seat_id: SeatId, span: TimeRange, ground: Availability
) -> Iterator[Seat]:
    """Seats instead of that one where it is open: the nearest of its area, then those of its floor
    and venue, then those of other floors."""
    library = desk.library
    seat = library.all_seats.get(seat_id)
    if seat is None:
        return
    home = library.areas[seat.area_id]
    areas = [a for a in library.areas.values() if a.venue_id == home.venue_id]
    for area in sorted(areas, key=lambda a: (a is not home, abs(a.floor - home.floor), a.order)):
        if ground.is_open(area.id, span.start, span.end):
            yield from library.nearest_seats(seat) if area is home else area.seats


def _offer_deadline(span: TimeRange, now: datetime) -> datetime:
    awake = now
    if in_quiet_hours(now):
        day = local_date(now) + timedelta(days=to_local(now).time() >= QUIET_HOURS[0])
        awake = local_instant(day, time(QUIET_HOURS[1].hour))
    return min(max(span.start, now + OFFER_DURATION), awake + KEPT_FOR, span.end)
