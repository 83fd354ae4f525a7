"""Test data: one Monday, its clock times, and reservations with ordinary facts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from models.check_in import transitions as check_in_transitions
from models.kernel.errors import DomainError
from models.kernel.ids import Actor, ReaderId, ReservationId
from models.kernel.time_range import (
    TimeRange,
)
from models.kernel.zone import Zone
from models.library.entities import AreaId, Seat, SeatId, VenueId
from models.library.rooms import RoomId
from models.policy.entities import Policy
from models.reservations import transitions
from models.reservations.entities import Placement, Reservation
from models.reservations.presence import PresenceMethod, PresenceProof
from models.reservations.room_booking import RoomBooking, RoomState

ZONE: Final = Zone.fixed("Asia/Shanghai", 480)
"""The zone of the test library."""
MONDAY: Final = date(2026, 9, 7)
TOMORROW: Final = date(2026, 9, 8)
VENUE, AREA = VenueId("main"), AreaId("2f-hall")
SEAT: Final = Seat(SeatId("2f-hall-065"), AREA, "065", 0, 0)
ZHANG, LI = ReaderId("a" * 24), ReaderId("b" * 24)
BY_READER: Final = Actor("reader", "api")
BY_JOB: Final = Actor("system", "job")


def on(clock: str, day: date = MONDAY) -> datetime:
    """The instant at which the library's clock shows ``HH:MM[:SS]`` on the Monday."""
    return ZONE.instant(day, time.fromisoformat(clock))


PROOF: Final = PresenceProof(ZHANG, VENUE, PresenceMethod.KIOSK_CODE, on("14:00"))


def outcome(ask: Callable[[], object]) -> str:
    """The code of the refusal, or ``ok``."""
    try:
        ask()
    except DomainError as refusal:
        return refusal.code
    return "ok"


def hours(start: str, end: str, day: date = MONDAY) -> TimeRange:
    """A time range; an end that is not after the start is the next day's."""
    begin = on(start, day)
    return TimeRange(begin, ZONE.next_instant(begin, time.fromisoformat(end)))


def shifted(policy: Policy, later: timedelta) -> Policy:
    """The library with its hours shifted, but not so late that it opens on the next day."""

    def clock(opens: time | None) -> time | None:
        return ZONE.local(on(f"{opens:%H:%M}") + later).time() if opens else None

    moved = (replace(r, opens=clock(r.opens), closes=clock(r.closes)) for r in policy.opening)
    return replace(policy, opening=tuple(moved))


def reserved(
    start: str = "14:00",
    end: str = "16:00",
    *,
    made: str = "08:00",
    day: date = MONDAY,
    made_on: date = MONDAY,
    id: str = "5" * 24,
    reader: ReaderId = ZHANG,
    seat: str = SEAT.id,
    policy: Policy | None = None,
    k: int = 1,
) -> Reservation:
    """A new reservation with the claims of the k-th booking of its day."""
    policy, span = policy or Policy(), hours(start, end, day)
    return transitions.create(
        id=ReservationId(id),
        placement=Placement(ZONE, reader, VENUE, AREA, SeatId(seat), span),
        policy=policy,
        daily_number=k,
        result=None,
        actor=BY_READER,
        now=on(made, made_on),
    )


def on_seat(r: Reservation, seat: str, span: TimeRange | None = None) -> Placement:
    """The reservation's reader on another seat, at its own time unless another one is given."""
    return Placement(ZONE, r.reader_id, r.venue_id, r.area_id, SeatId(seat), span or r.span)


def in_use(r: Reservation | None = None, when: datetime | None = None) -> Reservation:
    """Checked in at its start, or at ``when`` including the half hours before the start."""
    r = r or reserved()
    when = when or r.start
    return check_in_transitions.check_in(ZONE, r, PROOF, Policy(), BY_READER, when, early=True)


def away(r: Reservation | None = None, left: datetime | None = None) -> Reservation:
    """On leave for half an hour from half an hour after the start, or from ``left``."""
    r = r or in_use()
    left = left or r.start + timedelta(minutes=30)
    return check_in_transitions.leave(r, left + timedelta(minutes=30), Policy(), BY_READER, left)


def but(r: Reservation, **fields: Any) -> Reservation:
    return replace(r, **fields)


def moved(r: Reservation, later: timedelta) -> Reservation:
    """The reservation with all of its instants some hours later."""
    instants = {
        field.name: value + later
        for field in fields(r)
        if isinstance(value := getattr(r, field.name), datetime)
    }
    return but(r, date=ZONE.day(r.start + later), **instants)


ROOM_BOOKING: Final = RoomBooking(
    id=ReservationId("x"),
    change="x",
    room_id=RoomId("r1"),
    room_rev=1,
    venue_id=VENUE,
    day=on("14:00").date(),
    span=hours("14:00", "15:00"),
    state=RoomState.RESERVED,
    people=(ZHANG, LI),
    number=2,
    made_at=on("08:00"),
    buffer=timedelta(minutes=30),
    least=2,
    most=4,
    check_in_from=on("13:30"),
    check_in_until=on("14:30"),
    reminded_until=on("08:00"),
    excused=False,
)
"""A booking of a room of 14:00 to 15:00 by two people."""
