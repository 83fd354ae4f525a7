"""A visit and how it is written: through a form, or the long way by the transitions themselves.

A form is a document that the transitions of ``models/reservation.py`` made once for a course of
events (place, ending, leave, extension), with blanks for ids and instants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from models.booking.desk import Desk
from models.check_in import transitions as check_in_transitions
from models.check_in.transitions import scan_claim, with_kiosk_code
from models.kernel.ids import Actor, ReaderId, ReservationId
from models.kernel.time_range import TimeRange, local_date, local_instant
from models.library.entities import Area, AreaId, KioskId, SeatId
from models.policy.entities import Policy
from models.reservations import transitions
from models.reservations.claims import (
    daily_booking_claim,
    idempotency_claim,
    presence_claim,
    slot_claims,
)
from models.reservations.entities import IdempotentResult, Reservation
from models.reservations.state_machine import ReservationState
from models.reservations.transitions import leave_duration
from models.store.past import Blank, Form, Past, milliseconds

MINUTE: Final = 60_000
"""In milliseconds."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Course:
    """What happened, without when: it decides which fields a document has filled."""

    ending: ReservationState
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
    r = transitions.create(
        id=ReservationId(visit.id.decode()),
        reader_id=reader,
        venue_id=area.venue_id,
        area_id=area.id,
        seat_id=seat,
        span=span,
        policy=policy,
        claims=(
            daily_booking_claim(reader, local_date(span.start), k),
            *slot_claims(seat, reader, span),
            idempotency_claim(reader, key),
        ),
        replay=IdempotentResult(key, visit.digest.decode(), instant(visit.made)),
        actor=by_reader,
        now=instant(visit.made),
    )
    if course.ending is ReservationState.CANCELLED:
        return transitions.cancel(r, by_reader, instant(visit.ended))
    if not course.early:
        r = _reminded(r)
    if course.ending is ReservationState.NO_SHOW:
        return check_in_transitions.mark_no_show(r, by_job)
    came = instant(visit.arrived)
    sooner = slot_claims(seat, reader, TimeRange(came, span.start)) if course.early else ()
    r = check_in_transitions.check_in(r, presence_claim(reader), sooner, policy, by_reader, came)
    r = with_kiosk_code(r, scan_claim(kiosk, int(visit.step), reader))
    if course.left:
        r = check_in_transitions.leave(
            r, instant(visit.return_by), policy, by_reader, instant(visit.left)
        )
        if course.ending is ReservationState.AWAY_EXPIRED:
            return check_in_transitions.expire_leave(_reminded(r), by_job)
        r = check_in_transitions.return_from_leave(r, policy, by_reader, instant(visit.back))
    if course.extended:
        longer = TimeRange(span.end, instant(visit.end))
        claims = (*r.claims, *slot_claims(seat, reader, longer))
        r = check_in_transitions.extend(
            r, longer.end, claims, policy, by_reader, instant(visit.extended)
        )
    if course.ending is ReservationState.FINISHED:
        return check_in_transitions.finish(r, by_reader, instant(visit.ended))
    return check_in_transitions.complete(_reminded(r), by_job)


def _reminded(r: Reservation) -> Reservation:
    return transitions.remind(r, r.remind_at) if r.remind_at is not None else r


def moments(course: Course, v: Visit, policy: Policy) -> list[int]:
    """When the document was changed after its making: each change has left an id."""
    if course.ending is ReservationState.CANCELLED:
        return [v.ended]
    found = [] if course.early or course.now else [v.start]
    if course.ending is ReservationState.NO_SHOW:
        return [*found, v.until]
    found.append(v.arrived)
    if course.left:
        found.append(v.left)
        if course.ending is ReservationState.AWAY_EXPIRED:
            reminded = v.return_by - policy.leave_reminder_minutes * MINUTE
            return [*found, reminded, v.return_by]
        found.append(v.back)
    if course.extended:
        found.append(v.extended)
    if course.ending is ReservationState.FINISHED:
        return [*found, v.ended]
    return [*found, v.end - policy.ending_soon_minutes * MINUTE, v.end]


class Forms:
    """A form for each course of events in each area, made when the first of them is written."""

    def __init__(self, desk: Desk, past: Past) -> None:
        self._past = past
        self._areas = {area.id: area for area in desk.library.areas.values()}
        self._policies = {id: desk.policy.resolve(id) for id in self._areas}
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
    start = milliseconds(local_instant(day, time(14)))
    made = start + 7_001 if course.now else start - 3 * 60 * MINUTE + 1
    booked = start + 4 * 60 * MINUTE
    end = booked + policy.step_minutes * MINUTE if course.extended else booked
    came = start - 10 * MINUTE + 2 if course.early else start + 9 * MINUTE + 3
    left = start + 40 * MINUTE + 4
    return_by = left + leave_duration(policy, instant(left)) // timedelta(milliseconds=1)
    attended = course.ending not in (ReservationState.CANCELLED, ReservationState.NO_SHOW)
    expired = course.ending is ReservationState.AWAY_EXPIRED
    ended_at = {
        ReservationState.CANCELLED: start - 60 * MINUTE + 7,
        ReservationState.FINISHED: end - 30 * MINUTE + 8,
    }
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
