"""When the library is open, from and until a day: a new version of the rules, and the bookings that
it hits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from models.board import Row
from models.booking import reserve
from models.booking.desk import Ask, Desk
from models.errors import NotFound, RulesChanged, ServiceError, WrongState
from models.policy import OpeningRule, Policy
from models.reservation import Actor, State
from models.timerange import local_date

SPECIAL: Final = 10
"""The priority of what has dates: it stands above the usual hours."""


def with_rule(policy: Policy, rule: OpeningRule) -> Policy:
    """The next version, with that rule too. Later ones of one priority decide."""
    return replace(policy, version=policy.version + 1, opening=(*policy.opening, rule))


def without_rule(policy: Policy, number: int) -> Policy:
    """The next version, without that rule. Raises: NotFound, for a usual one as well."""
    if not 0 <= number < len(policy.opening) or policy.opening[number].last is None:
        raise NotFound()
    kept = policy.opening[:number] + policy.opening[number + 1 :]
    return replace(policy, version=policy.version + 1, opening=kept)


async def affected(desk: Desk, new: Policy, now: datetime) -> list[Row]:
    """Bookings from now on that fit today's rules and would not fit ``new``, the earliest first."""
    return [row for row in await misfits(desk, new, now) if _fits(desk, desk.policy, row)]


async def misfits(desk: Desk, policy: Policy, now: datetime) -> list[Row]:
    """Bookings from now on that lie outside of the opening hours, the earliest first: they were to
    be kept, or made in the seconds before all workers knew of it."""
    found: list[Row] = []
    for day in policy.bookable_dates(now):
        rows = (await desk.board.day(day)).rows.values()
        found += [row for row in rows if row.end > now and not _fits(desk, policy, row)]
    return sorted(found, key=lambda row: (row.booked_start, row.seat_id))


def _fits(desk: Desk, policy: Policy, row: Row) -> bool:
    seat = desk.library.seats.get(row.seat_id)
    if seat is None:
        return True  # it has left the plan: that is another matter
    venue = desk.library.areas[seat.area_id].venue_id
    place = policy.open_day(local_date(row.booked_start), venue, seat.area_id)
    return place.covers(row.booked_start, row.end)


async def publish(desk: Desk, new: Policy, now: datetime) -> None:
    """Let ``new`` stand from now on. Raises: RulesChanged, where somebody else was first."""
    if not await desk.policies.add(new, now):
        raise RulesChanged()
    await desk.refresh()


@dataclass(frozen=True, slots=True)
class CalledOff:
    """How many were cancelled, and how many could not be now: they are among the misfits still."""

    cancelled: int
    left: int


async def call_off(desk: Desk, rows: list[Row], actor: Actor, now: datetime) -> CalledOff:
    """Cancel them; their readers are told. Who sits there already stays; what is held for somebody
    in line is not offered any more."""
    cancelled = left = 0
    people = await desk.readers.many({row.reader_id for row in rows})
    for row in rows:
        reader = people.get(row.reader_id)
        if reader is None or row.state not in (State.RESERVED, State.HELD):
            continue
        ask = Ask(reader, actor, now)
        try:
            if row.state is State.HELD:
                await desk.line.decline(ask, row.id)
            else:
                await reserve.cancel(desk, ask, row.id)
                cancelled += 1
        except (NotFound, WrongState):
            continue  # the reader was faster
        except ServiceError:
            left += 1
    return CalledOff(cancelled, left)
