"""Bookings that the library itself has made impossible: by other opening hours, or by a plan that
has not their seat. What becomes of them is somebody's decision, and their readers are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models import reservation, rules
from models.board import Row
from models.booking import reserve
from models.booking.desk import Ask, Desk
from models.claims import place_claims
from models.errors import Busy, NotFound, RuleViolation, ServiceError, WrongState
from models.library import AreaId, Library, Seat, SeatId
from models.policy import OpenDay, Policy
from models.reservation import Actor, Reservation, ReservationId, State
from models.store.client import new_id
from models.store.reservations import ClaimLost, StaleRevision
from models.timerange import TimeRange, at, floor_minute, local, local_date
from models.wait import OFFER_FOR, QUIET, Wait, is_quiet

KEPT_FOR: Final = timedelta(hours=2)
"""How long another seat is held for who has lost theirs; nights do not count."""
_TRIES: Final = 8


class Fate(StrEnum):
    """What becomes of them: cancelled with another seat held for each reader, cancelled, or kept
    for now."""

    OFFER = "offer"
    CANCEL = "cancel"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Ground:
    """The rules and the plan that bookings are held against."""

    policy: Policy
    library: Library
    _known: dict[tuple[AreaId, date], tuple[Policy, OpenDay]] = field(default_factory=dict)

    def has_place(self, seat_id: SeatId, start: datetime, end: datetime) -> bool:
        """Is the seat there, in service, and its area open all that time?"""
        seat, day = self.library.seats.get(seat_id), local_date(start)
        if seat is None or seat.out_of_service(day) is not None:
            return False
        return self.is_open(seat.area_id, start, end)

    def is_open(self, area_id: AreaId, start: datetime, end: datetime) -> bool:
        return self._of(area_id, local_date(start))[1].covers(start, end)

    def has_length(self, seat_id: SeatId, start: datetime, end: datetime) -> bool:
        """Is the stay neither too short nor too long?"""
        seat = self.library.all_seats.get(seat_id)
        if seat is None:
            return True
        policy, length = self._of(seat.area_id, local_date(start))[0], end - start
        return timedelta(minutes=policy.min_minutes) <= length <= policy.longest

    def _of(self, area_id: AreaId, day: date) -> tuple[Policy, OpenDay]:
        key = (area_id, day)
        if key not in self._known:
            venue = self.library.areas[area_id].venue_id
            hours = self.policy.open_day(day, venue, area_id)
            self._known[key] = self.policy.for_area(area_id, day), hours
        return self._known[key]


async def misfits(desk: Desk, now: datetime) -> list[Row]:
    """Bookings from now on that have no place, the earliest first: they were to be kept, or made in
    the seconds before all workers knew of a change."""
    ground = Ground(desk.policy, desk.library)
    found = [r for r in await to_come(desk, now) if not _placed(ground, r)]
    return sorted(found, key=_order)


async def affected(desk: Desk, policy: Policy, library: Library, now: datetime) -> list[Row]:
    """Bookings from now on that fit today's rules and plan and would not fit these, the earliest
    first: also those that become too long or too short. (These are no misfits once they are kept: a
    booking keeps the numbers that it was made under.)"""
    before, after = Ground(desk.policy, desk.library), Ground(policy, library)
    found = []
    for r in await to_come(desk, now):
        if not _placed(after, r):
            hit = _placed(before, r)
        else:
            hit = r.state is State.RESERVED and _sized(before, r) and not _sized(after, r)
        if hit:
            found.append(r)
    return sorted(found, key=_order)


async def to_come(desk: Desk, now: datetime) -> list[Row]:
    """All that is live from now on, also beyond a horizon that was farther once."""
    days = desk.policy.bookable_dates(now)
    farthest = await desk.policies.farthest_horizon()
    for ahead in range(len(days), farthest + 1):
        day = days[0] + timedelta(days=ahead)
        if await desk.reservations.any_live(day):
            days.append(day)
    boards = [await desk.board.day(day) for day in days]
    return [row for board in boards for row in board.rows.values() if row.end > now]


def _placed(ground: Ground, row: Row) -> bool:
    return ground.has_place(row.seat_id, row.booked_start, row.end)


def _sized(ground: Ground, row: Row) -> bool:
    return ground.has_length(row.seat_id, row.booked_start, row.end)


def _order(row: Row) -> tuple[datetime, SeatId]:
    return row.booked_start, row.seat_id


@dataclass(frozen=True, slots=True)
class CalledOff:
    """How many were cancelled, for how many of these another seat is held, and how many could not
    be cancelled now: they are among the misfits still."""

    cancelled: int = 0
    offered: int = 0
    left: int = 0

    def __add__(self, more: CalledOff) -> CalledOff:
        return CalledOff(
            self.cancelled + more.cancelled, self.offered + more.offered, self.left + more.left
        )


async def call_off(
    desk: Desk, rows: list[Row], fate: Fate, actor: Actor, now: datetime, sizes: bool = False
) -> CalledOff:
    """Let it happen to them, as far as they do not fit still; their readers are told. Who sits
    there stays. What is held for somebody is taken back in any case: it is not booked yet.

    ``sizes``: those that are too long or too short do not fit either.
    """
    done, ground = CalledOff(), Ground(desk.policy, desk.library)
    # What somebody sits on who has not booked it.
    squatted = await desk.reservations.taken_seats(now) if fate is Fate.OFFER else set()
    people = await desk.readers.many({row.reader_id for row in rows})

    def fits(r: Reservation) -> bool:
        sized = not sizes or ground.has_length(r.seat_id, r.start, r.end)
        return sized and ground.has_place(r.seat_id, r.start, r.end)

    for row in rows:
        reader = people.get(row.reader_id)
        if reader is None:
            continue
        ask = Ask(reader, actor, now)
        try:
            if row.state is State.HELD:
                await desk.line.decline(ask, row.id)
            elif row.state is State.RESERVED and fate is not Fate.KEEP:
                offer = squatted if fate is Fate.OFFER else None
                done += await _called_off(desk, ask, row.id, fits, offer)
        except (NotFound, WrongState):
            continue  # the reader was faster
        except ServiceError:
            done += CalledOff(left=1)
        await asyncio.sleep(0)  # requests have their turn
    return done


async def _called_off(
    desk: Desk,
    ask: Ask,
    id: str,
    fits: Callable[[Reservation], bool],
    offer: Collection[SeatId] | None,
) -> CalledOff:
    """Cancel the booking and, in the same step, hold another seat for its reader, where there is
    one; none of those of ``offer``, and none at all where that is None. Nothing happens where it
    fits again: its reader has moved.

    Raises: NotFound, WrongState, Upstream.
    """
    for _ in range(_TRIES):
        old = await desk.own(id, ask.reader.id)
        rules.may_cancel(old, ask.now)
        if fits(old):
            return CalledOff()
        gone = reservation.cancel(old, ask.actor, ask.now)
        try:
            if offer is not None and await _held_instead(desk, ask, old, gone, offer):
                return CalledOff(cancelled=1, offered=1)
            await desk.line.write(old, gone, ask.now)
        except StaleRevision:
            continue
        return CalledOff(cancelled=1)
    raise Busy()


async def _held_instead(
    desk: Desk, ask: Ask, old: Reservation, gone: Reservation, besides: Collection[SeatId]
) -> bool:
    """False where no seat is free, or the reader could not take it now: nothing has changed then.
    Raises: StaleRevision, Upstream."""
    span = TimeRange(max(old.start, floor_minute(ask.now)), old.end)
    try:
        rules.may_book(ask.reader, old.date, ask.now)
    except RuleViolation:
        return False
    ground = Ground(desk.policy, desk.library)
    taken = (await desk.board.day(old.date)).by_seat
    for seat in _others(desk, old.seat_id, span, ground):
        policy = desk.policy_for(seat.area_id, old.date)
        if seat.id in besides or reserve.meets(taken.get(seat.id, ()), span):
            continue
        if not (
            ground.has_place(seat.id, span.start, span.end)
            and ground.has_length(seat.id, old.start, old.end)
            and desk.open_to(seat, old.reader_id, old.date)
        ):
            continue
        # In line with an offer: where it is declined, the next one comes by itself.
        joins = Wait(
            new_id(),
            old.reader_id,
            seat.area_id,
            frozenset(),
            frozenset(),
            span.start,
            span.end,
            ask.now,
        )
        hold = reservation.hold(
            id=ReservationId(new_id()),
            reader_id=old.reader_id,
            venue_id=desk.library.areas[seat.area_id].venue_id,
            area_id=seat.area_id,
            seat_id=seat.id,
            span=span,
            policy=policy,
            claims=place_claims(seat.id, old.reader_id, span),
            wait_id=joins.id,
            until=_answer_by(span, ask.now),
            actor=ask.actor,
            now=ask.now,
            tell="proposed",
        )
        try:
            with desk.board.inserting(hold.date):
                await desk.reservations.hand_over(old, gone, None, hold, joins)
        except ClaimLost as lost:
            if lost.kind == "w":
                return False  # they are in line for that time already
            continue  # somebody was faster
        desk.board.wrote(gone)
        desk.board.wrote(hold)
        return True
    return False


def _others(desk: Desk, seat_id: SeatId, span: TimeRange, ground: Ground) -> Iterator[Seat]:
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
            yield from library.neighbours(seat) if area is home else area.seats


def _answer_by(span: TimeRange, now: datetime) -> datetime:
    awake = now
    if is_quiet(now):
        day = local_date(now) + timedelta(days=local(now).time() >= QUIET[0])
        awake = at(day, time(QUIET[1].hour))
    return min(max(span.start, now + OFFER_FOR), awake + KEPT_FOR, span.end)
