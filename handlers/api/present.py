"""From entities to the API's shapes: times on the library's clock, ids as strings, never who."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from handlers.api import schemas as s
from handlers.messages import STATE_TEXT, WEEKDAYS
from models.booking.desk import Desk
from models.check_in import allowed_actions
from models.gates.entities import GateEvent, GateId
from models.identity.activation_code_repository import BindingRequest
from models.identity.roles import LIBRARIAN
from models.kernel.time_range import local_date, to_local
from models.library.entities import SeatId, Venue
from models.messages.entities import Message
from models.readers.entities import Reader
from models.reservations.entities import Reservation
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState
from models.reservations.transitions import leave_duration
from models.violations.entities import Violation
from models.waitlist.entities import WaitlistEntry, WaitlistState

_MINUTE: Final = timedelta(minutes=1)


def moment(instant: datetime | None) -> datetime | None:
    return to_local(instant) if instant is not None else None


def clock(instant: datetime) -> str:
    return f"{to_local(instant):%H:%M}"


def choice(instant: datetime) -> s.Choice:
    return s.Choice(clock(instant), clock(instant))


def start(value: str) -> s.Choice:
    return s.Choice(value, "现在" if value == "now" else value)


def venue(desk: Desk, v: Venue, now: datetime) -> s.VenueOut:
    dates = [_date(desk, v, day, now) for day in desk.policy.bookable_dates(now)]
    return s.VenueOut(v.id, v.name, dates[0].open, dates)


def _date(desk: Desk, v: Venue, day: date, now: datetime) -> s.DateOut:
    place = desk.policy.day_hours(day, v.id, None)
    opens_at = desk.policy.opens_at_instant(day)
    today = local_date(now)
    waits = opens_at is not None and day > today and now < opens_at
    over = place.hours is not None and now >= place.hours.end
    name = {0: "今天", 1: "明天"}.get((day - today).days, f"周{WEEKDAYS[day.weekday()]}")
    hours = place.hours
    return s.DateOut(
        date=day,
        label=f"{name} {day.month}月{day.day}日",
        bookable=hours is not None and not waits and not over,
        opens_at=moment(opens_at) if waits else None,
        open=s.OpenOut(clock(hours.start), clock(hours.end)) if hours else None,
        reason=place.reason,
    )


def reader(r: Reader) -> s.ReaderOut:
    return s.ReaderOut(r.student_no_masked, r.name, r.category)


def binding_request(r: BindingRequest) -> s.BindingRequestOut:
    return s.BindingRequestOut(r.id, r.match_number, to_local(r.at), to_local(r.expires_at))


def seat(desk: Desk, seat_id: str) -> s.ReservedSeat:
    found = desk.library.all_seats.get(SeatId(seat_id))
    if found is None:  # of another library
        return s.ReservedSeat(seat_id, "", "", "", 0, "", seat_id)
    area = desk.library.areas[found.area_id]
    return s.ReservedSeat(
        id=found.id,
        no=found.number,
        area_id=area.id,
        area=area.name,
        floor=area.floor,
        venue=desk.library.venues[area.venue_id].name,
        label=desk.library.seat_label(found),
    )


async def reservation(desk: Desk, r: Reservation, now: datetime) -> s.ReservationOut:
    return s.ReservationOut(**await _fields(desk, r, now))


async def detail(desk: Desk, r: Reservation, now: datetime) -> s.ReservationDetail:
    history = [
        # Which librarian it was is the library's own business.
        s.HistoryEntry(to_local(e.at), e.event, e.by, "desk" if e.by == LIBRARIAN else e.via)
        for e in r.history
    ]
    return s.ReservationDetail(**await _fields(desk, r, now), history=history)


async def _fields(desk: Desk, r: Reservation, now: datetime) -> dict[str, Any]:
    policy = await desk.policy_at_booking(r)
    actions = allowed_actions.allowed_actions(r, policy, now)
    return {
        "id": r.id,
        "rev": r.rev,
        "receipt": r.receipt,
        "seat": seat(desk, r.seat_id),
        "date": r.date,
        "start": to_local(r.start),
        "end": to_local(r.end),
        "state": r.state.value,
        "state_text": state_text(r),
        "created_at": to_local(r.created_at),
        "checked_in_at": moment(r.checked_in_at),
        "usable_from": moment(r.available_from),
        "left_at": moment(r.left_at),
        "return_by": moment(r.return_by),
        "returned_at": moment(r.returned_at),
        "ended_at": moment(r.ended_at),
        "check_in_from": to_local(r.check_in_from),
        "check_in_until": to_local(r.check_in_until),
        "excused": r.penalty_waived,
        "assisted": assisted(r),
        "held_until": moment(r.held_until),
        "leave_minutes": leave_duration(policy, now) // _MINUTE if "leave" in actions else None,
        "actions": actions,
    }


async def wait(desk: Desk, w: WaitlistEntry, now: datetime) -> s.WaitlistEntryOut:
    area = desk.library.areas.get(w.area_id)
    held = await desk.reservations.get(w.offer) if w.offer else None
    waiting = w.state is WaitlistState.WAITING
    return s.WaitlistEntryOut(
        id=w.id,
        area_id=w.area_id,
        area=area.name if area else w.area_id,
        seats=sorted(w.seats),
        date=local_date(w.start),
        start=to_local(w.start),
        end=to_local(w.end),
        state=w.state.value,
        ahead=await desk.waits.position_of(w) if waiting else None,
        made_at=to_local(w.created_at),
        offer=await reservation(desk, held, now)
        if held and held.state is ReservationState.OFFERED
        else None,
    )


def passage(p: GateEvent, names: Mapping[GateId, str]) -> s.GateRecordOut:
    return s.GateRecordOut(
        p.id,
        names.get(p.gate_id, p.gate_id),
        p.direction.value,
        p.method,
        to_local(p.at),
        p.effect.value,
    )


def assisted(r: Reservation) -> s.AssistedOut | None:
    a = r.gate_assistance
    return s.AssistedOut(a.kind, to_local(a.at), moment(a.confirmed_at)) if a else None


def state_text(r: Reservation) -> str:
    """The state in words; what only a gate has said waits for the reader's word."""
    waits = r.state in CHECKED_IN_STATES and r.pending_confirmation is not None
    return STATE_TEXT[r.state] + ("·待确认" if waits else "")


async def violation(desk: Desk, v: Violation, now: datetime) -> s.ViolationOut:
    """With its reservation, whoever looks: their owner, or a librarian."""
    waiver, appeal = v.waiver, v.appeal
    return s.ViolationOut(
        id=v.id,
        kind="no_show" if v.kind == "no_show" else "away_timeout",
        at=to_local(v.at),
        counted=v.counts,
        reservation=await reservation(desk, await desk.get_own(v.reservation_id, v.reader_id), now),
        waived=v.waived,
        waiver=s.WaiverOut(waiver.reason, to_local(waiver.at)) if waiver else None,
        appeal=s.AppealOut(
            appeal.text, to_local(appeal.at), moment(appeal.settled_at), appeal.answer
        )
        if appeal
        else None,
    )


def message(m: Message) -> s.MessageOut:
    return s.MessageOut(
        m.id, m.template.value, m.title, m.text, to_local(m.at), m.read, m.reservation_id
    )
