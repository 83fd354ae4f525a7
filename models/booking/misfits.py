"""Bookings that the library itself has made impossible: by other opening hours, or by a plan that
has not their seat. What becomes of them is somebody's decision, and their readers are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from models import reservation, rules
from models.board import Row
from models.booking import reserve
from models.booking.desk import Ask, Desk
from models.claims import place_claims
from models.errors import NotFound, ServiceError, WrongState
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


async def misfits(desk: Desk, now: datetime) -> list[Row]:
    """Bookings from now on that do not fit, the earliest first: they were to be kept, or made in
    the seconds before all workers knew of a change."""
    return await _outside(desk, desk.policy, desk.library, now)


async def affected(desk: Desk, policy: Policy, library: Library, now: datetime) -> list[Row]:
    """Bookings from now on that would not fit that policy and library, and fit today's: also those
    that have begun to be too long or too short. (These are no misfits once they are kept: a booking
    keeps the numbers that it was made under.)"""
    known = {row.id for row in await misfits(desk, now)}
    found = [row for row in await _outside(desk, policy, library, now) if row.id not in known]
    known |= {row.id for row in found}
    for day in desk.policy.bookable_dates(now):
        for row in (await desk.board.day(day)).rows.values():
            seat = library.seats.get(row.seat_id)
            if seat is None or row.id in known or row.state is not State.RESERVED:
                continue
            then, today = (p.for_area(seat.area_id, day) for p in (policy, desk.policy))
            if row.end > now and _length_fits(today, row) and not _length_fits(then, row):
                found.append(row)
    return sorted(found, key=lambda row: (row.booked_start, row.seat_id))


def _length_fits(policy: Policy, row: Row) -> bool:
    length = row.end - row.booked_start
    return timedelta(minutes=policy.min_minutes) <= length <= policy.longest


async def _outside(desk: Desk, policy: Policy, library: Library, now: datetime) -> list[Row]:
    found: list[Row] = []
    for day in desk.policy.bookable_dates(now):
        hours: dict[AreaId, OpenDay] = {}
        for seat_id, rows in (await desk.board.day(day)).by_seat.items():
            seat = library.seats.get(seat_id)
            gone = seat is None or seat.out_of_service(day) is not None
            for row in rows:
                if row.end > now and (
                    gone or not _open(policy, library, hours, day, library.seats[seat_id], row)
                ):
                    found.append(row)
    return sorted(found, key=lambda row: (row.booked_start, row.seat_id))


def _open(
    policy: Policy,
    library: Library,
    hours: dict[AreaId, OpenDay],
    day: date,
    seat: Seat,
    row: Row,
) -> bool:
    if seat.area_id not in hours:
        venue = library.areas[seat.area_id].venue_id
        hours[seat.area_id] = policy.open_day(day, venue, seat.area_id)
    return hours[seat.area_id].covers(row.booked_start, row.end)


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
    desk: Desk, rows: list[Row], fate: Fate, actor: Actor, now: datetime
) -> CalledOff:
    """Let it happen to them; their readers are told. Who sits there already stays; what is held for
    somebody is not offered any more."""
    done = CalledOff()
    if fate is Fate.KEEP:
        return done
    people = await desk.readers.many({row.reader_id for row in rows})
    for row in rows:
        reader = people.get(row.reader_id)
        if reader is None or row.state not in (State.RESERVED, State.HELD):
            continue
        ask = Ask(reader, actor, now)
        try:
            if row.state is State.HELD:
                await desk.line.decline(ask, row.id)
            elif fate is Fate.OFFER and await _swap(desk, ask, row.id):
                done += CalledOff(cancelled=1, offered=1)
            else:
                await reserve.cancel(desk, ask, row.id)
                done += CalledOff(cancelled=1)
        except (NotFound, WrongState):
            continue  # the reader was faster
        except ServiceError:
            done += CalledOff(left=1)
        await asyncio.sleep(0)  # requests have their turn
    return done


async def _swap(desk: Desk, ask: Ask, id: str) -> bool:
    """Cancel the booking and hold another seat for its reader, in one step. False where there is
    none: nothing has changed then. Raises: NotFound, WrongState, Upstream."""
    for _ in range(_TRIES):
        old = await desk.own(id, ask.reader.id)
        rules.may_cancel(old, ask.now)
        gone = reservation.cancel(old, ask.actor, ask.now)
        try:
            return await _held_instead(desk, ask, old, gone)
        except StaleRevision:
            continue
    return False


async def _held_instead(desk: Desk, ask: Ask, old: Reservation, gone: Reservation) -> bool:
    """Raises: StaleRevision, Upstream."""
    span = TimeRange(max(old.start, floor_minute(ask.now)), old.end)
    taken = (await desk.board.day(old.date)).by_seat
    for seat in _others(desk, old.seat_id):
        policy = desk.policy_for(seat.area_id, old.date)
        if seat.out_of_service(old.date) is not None or reserve.meets(taken.get(seat.id, ()), span):
            continue
        if not desk.open_to(seat, old.reader_id, old.date):
            continue
        if span.end - span.start > policy.longest:
            continue
        if not desk.open_day(policy, old.date, seat.area_id).covers(span.start, span.end):
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
            await desk.reservations.hand_over(old, gone, None, hold, joins)
        except ClaimLost as lost:
            if lost.kind == "w":
                return False  # they are in line for that time already
            continue  # somebody was faster, or a report holds it
        desk.board.wrote(gone)
        desk.board.wrote(hold)
        return True
    return False


def _others(desk: Desk, seat_id: SeatId) -> Iterator[Seat]:
    """Seats instead of that one: the nearest of its area, then those of its floor and venue, then
    those of other floors."""
    library = desk.library
    seat = library.all_seats.get(seat_id)
    if seat is None:
        return
    home = library.areas[seat.area_id]
    yield from library.neighbours(seat)
    areas = [a for a in library.areas.values() if a.id != home.id and a.venue_id == home.venue_id]
    for area in sorted(areas, key=lambda a: (abs(a.floor - home.floor), a.order)):
        yield from area.seats


def _answer_by(span: TimeRange, now: datetime) -> datetime:
    awake = now
    if is_quiet(now):
        day = local_date(now) + timedelta(days=local(now).time() >= QUIET[0])
        awake = at(day, time(QUIET[1].hour))
    return min(max(span.start, now + OFFER_FOR), awake + KEPT_FOR, span.end)
