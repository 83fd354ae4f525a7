"""A visit and how it is written: through a form, or the long way by the transitions themselves.

A form is a document that the transitions of ``models/reservation.py`` made once for a course of
events (place, ending, leave, extension), with blanks for ids and instants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from models import reservation
from models.booking.desk import Desk
from models.claims import count_claim, idempotency_claim, place_claims, presence_claim
from models.library import Area, AreaId, KioskId, SeatId
from models.policy import Policy
from models.reservation import (
    Actor,
    ReaderId,
    Replay,
    Reservation,
    ReservationId,
    State,
    leave_limit,
    scan_claim,
    with_scan,
)
from models.store.past import Blank, Form, Past, milliseconds
from models.timerange import TimeRange, at, local_date

MINUTE: Final = 60_000
"""In milliseconds."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Course:
    """What happened, without when: it decides which fields a document has filled."""

    ending: State
    now: bool = False
    """Begun by 现在."""
    early: bool = False
    """Checked in before the start; otherwise after it."""
    left: bool = False
    extended: bool = False


class Visit(NamedTuple):
    """One reservation's ids (ASCII) and instants (ms since 1970); 0 where there was none."""

    id: bytes
    reader: bytes
    seat: bytes
    day: bytes
    key: bytes
    digest: bytes
    step: bytes
    made: int
    start: int
    booked: int
    """The end as it was booked."""
    end: int
    """The end that it came to by extension."""
    opens: int
    until: int
    arrived: int
    left: int
    return_by: int
    back: int
    extended: int
    ended: int


def instant(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def as_reservation(
    course: Course, area: Area, policy: Policy, kiosk: KioskId, visit: Visit, k: int
) -> Reservation:
    """The visit by the transitions that the service takes, with the claims that it had; ``k`` is
    its place among the reader's bookings of the day."""
    reader, seat = ReaderId(visit.reader.decode()), SeatId(visit.seat.decode())
    by_reader, by_job = Actor("reader", "mini"), Actor("system", "job")
    span = TimeRange(instant(visit.start), instant(visit.booked))
    key = visit.key.decode()
    r = reservation.book(
        id=ReservationId(visit.id.decode()),
        reader_id=reader,
        venue_id=area.venue_id,
        area_id=area.id,
        seat_id=seat,
        span=span,
        policy=policy,
        claims=(
            count_claim(reader, local_date(span.start), k),
            *place_claims(seat, reader, span),
            idempotency_claim(reader, key),
        ),
        replay=Replay(key, visit.digest.decode(), instant(visit.made)),
        actor=by_reader,
        now=instant(visit.made),
    )
    if course.ending is State.CANCELLED:
        return reservation.cancel(r, by_reader, instant(visit.ended))
    if not course.early:
        r = _reminded(r)
    if course.ending is State.NO_SHOW:
        return reservation.miss(r, by_job)
    came = instant(visit.arrived)
    sooner = place_claims(seat, reader, TimeRange(came, span.start)) if course.early else ()
    r = reservation.check_in(r, presence_claim(reader), sooner, policy, by_reader, came)
    r = with_scan(r, scan_claim(kiosk, int(visit.step), reader))
    if course.left:
        r = reservation.leave(r, instant(visit.return_by), policy, by_reader, instant(visit.left))
        if course.ending is State.AWAY_EXPIRED:
            return reservation.time_out(_reminded(r), by_job)
        r = reservation.come_back(r, policy, by_reader, instant(visit.back))
    if course.extended:
        longer = TimeRange(span.end, instant(visit.end))
        claims = (*r.claims, *place_claims(seat, reader, longer))
        r = reservation.extend(r, longer.end, claims, policy, by_reader, instant(visit.extended))
    if course.ending is State.FINISHED:
        return reservation.finish(r, by_reader, instant(visit.ended))
    return reservation.complete(_reminded(r), by_job)


def _reminded(r: Reservation) -> Reservation:
    return reservation.remind(r, r.remind_at) if r.remind_at is not None else r


def moments(course: Course, v: Visit, policy: Policy) -> list[int]:
    """When the document was changed after its making: each change has left an id."""
    if course.ending is State.CANCELLED:
        return [v.ended]
    found = [] if course.early or course.now else [v.start]
    if course.ending is State.NO_SHOW:
        return [*found, v.until]
    found.append(v.arrived)
    if course.left:
        found.append(v.left)
        if course.ending is State.AWAY_EXPIRED:
            reminded = v.return_by - policy.leave_reminder_minutes * MINUTE
            return [*found, reminded, v.return_by]
        found.append(v.back)
    if course.extended:
        found.append(v.extended)
    if course.ending is State.FINISHED:
        return [*found, v.ended]
    return [*found, v.end - policy.ending_soon_minutes * MINUTE, v.end]


class Forms:
    """A form for each course of events in each area, made when the first of them is written."""

    def __init__(self, desk: Desk, past: Past) -> None:
        self._past = past
        self._areas = {area.id: area for area in desk.library.areas.values()}
        self._policies = {id: desk.policy.for_area(id) for id in self._areas}
        kiosks = sorted(desk.library.kiosks) or [KioskId("kiosk")]
        self._kiosks = {area.id: kiosks[area.order % len(kiosks)] for area in self._areas.values()}
        self._made: dict[tuple[Course, AreaId, int], Form] = {}

    def _of(self, course: Course, area_id: AreaId, step_digits: int) -> Form:
        form = self._made.get((course, area_id, step_digits))
        if form is None:
            form = self._make(course, area_id, step_digits)
            self._made[course, area_id, step_digits] = form
        return form

    def document(
        self, course: Course, area_id: AreaId, visit: Visit, k: int, changes: Sequence[str]
    ) -> dict[str, Any]:
        """The long way: the reservation by its transitions, with the claims that it still has."""
        policy, kiosk = self._policies[area_id], self._kiosks[area_id]
        r = as_reservation(course, self._areas[area_id], policy, kiosk, visit, k)
        return self._past.reservation(r, changes)

    def fill(self, course: Course, area_id: AreaId, visit: Visit, changes: Sequence[str]) -> Any:
        """The short way: encoded, without claims, as of a day whose claims are pruned."""
        return self._of(course, area_id, len(visit.step)).fill((*visit, *_ascii(changes)))

    def moments(self, course: Course, area_id: AreaId, visit: Visit) -> list[int]:
        """When the document was changed after its making: each change has left an id."""
        return moments(course, visit, self._policies[area_id])

    def _make(self, course: Course, area_id: AreaId, step_digits: int) -> Form:
        area, policy = self._areas[area_id], self._policies[area_id]
        sample = _sample(course, area, policy, step_digits)
        changes = [f"c{number}" * 12 for number in range(len(moments(course, sample, policy)))]
        document = self.document(course, area_id, sample, 1, changes)
        blanks: dict[int, Blank] = {}
        values: tuple[Blank, ...] = (*sample, *_ascii(changes))
        for position, value in enumerate(values):
            # What coincides by the rules (a completed one ended at its end) is one blank.
            if value and value not in blanks.values():
                blanks[position] = value
        width = len(sample) + len(changes)
        return Form({**document, "claims": []}, blanks, width)


def _sample(course: Course, area: Area, policy: Policy, step_digits: int) -> Visit:
    """A visit whose ids and instants all differ, but for those that are one by the rules."""
    day = date(2026, 9, 7)
    start = milliseconds(at(day, time(14)))
    made = start + 7_001 if course.now else start - 3 * 60 * MINUTE + 1
    booked = start + 4 * 60 * MINUTE
    end = booked + policy.step_minutes * MINUTE if course.extended else booked
    came = start - 10 * MINUTE + 2 if course.early else start + 9 * MINUTE + 3
    left = start + 40 * MINUTE + 4
    return_by = left + leave_limit(policy, instant(left)) // timedelta(milliseconds=1)
    attended = course.ending not in (State.CANCELLED, State.NO_SHOW)
    expired = course.ending is State.AWAY_EXPIRED
    ended_at = {State.CANCELLED: start - 60 * MINUTE + 7, State.FINISHED: end - 30 * MINUTE + 8}
    return Visit(
        id=b"d" * 24,
        reader=b"e" * 24,
        seat=area.seats[0].id.encode(),
        day=day.isoformat().encode(),
        key=b"a" * 32,
        digest=b"b" * 64,
        step=b"7" * step_digits if attended else b"",
        made=made,
        start=start,
        booked=booked,
        end=end,
        opens=start - policy.check_in_before_minutes * MINUTE,
        until=max(start, made) + policy.check_in_after_minutes * MINUTE,
        arrived=came if attended else 0,
        left=left if course.left else 0,
        return_by=return_by if course.left else 0,
        back=left + 11 * MINUTE + 5 if course.left and not expired else 0,
        extended=booked - 40 * MINUTE + 6 if course.extended else 0,
        ended=ended_at.get(course.ending, 0),
    )


def _ascii(ids: Sequence[str]) -> tuple[bytes, ...]:
    return tuple(id.encode() for id in ids)
