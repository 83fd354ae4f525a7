"""Reservations in the API's types: local times, and no names of staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import UNSET

from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.kiosks.presenter import kiosk_names
from handlers.reservations import schemas
from handlers.texts.labels import STATE_TEXT, UNCONFIRMED_STATE
from languages.text import Language
from models.booking.again import stay_again
from models.check_in import allowed_actions, rules
from models.check_in.rules import leave_duration, renewal_opens
from models.identity.api_tokens import ACTOR_PREFIX
from models.identity.roles import Role
from models.kernel.zone import Zone
from models.library.entities import SeatId
from models.readers.entities import Reader
from models.reference_data import ReferenceData
from models.reservations.entities import HistoryEntry, Reservation
from models.reservations.state_machine import CHECKED_IN_STATES, ReservationState

_MINUTE: Final = timedelta(minutes=1)
_STILL_TO_END: Final = CHECKED_IN_STATES | {ReservationState.RESERVED}


def seat(reference: ReferenceData, seat_id: str) -> schemas.ReservedSeat:
    catalog_seat = reference.catalog.all_seats.get(SeatId(seat_id))
    if catalog_seat is None:  # not in this worker's catalog
        return schemas.ReservedSeat(seat_id, "", "", "", 0, "", seat_id, "", {})
    return schemas.ReservedSeat(**reference.catalog.described(catalog_seat))


def again(
    reference: ReferenceData, reader: Reader, last: Reservation | None, now: datetime
) -> schemas.AgainOut | None:
    """The seat of the reader's last stay with a time at which the seat can be booked again; None
    without such a time. ``last``: the last stay; None if the reader has never stayed."""
    last_seat = reference.catalog.seats.get(last.seat_id) if last is not None else None
    if last is None or last_seat is None:
        return None
    venue_id = reference.catalog.venue_of(last_seat.area_id)
    policy = reference.policy_for(last_seat.area_id, reference.zone.day(now))
    bookable = reference.bookable_dates(reader, now, venue_id)
    next_stay = stay_again(reference.zone, last, policy, bookable, now)
    if next_stay is None:
        return None
    begin = f"{next_stay.start:%H:%M}" if next_stay.start is not None else "now"
    return schemas.AgainOut(
        seat(reference, last.seat_id), next_stay.day, begin, f"{next_stay.end:%H:%M}"
    )


async def reservation(
    reference: ReferenceData, r: Reservation, now: datetime
) -> schemas.ReservationOut:
    return schemas.ReservationOut(**await _fields(reference, r, now))


async def after_change(call: ApiRequest, r: Reservation) -> schemas.ReservationOut:
    """The changed reservation as a response. Also wakes the jobs that may follow the change."""
    call[WAKE_JOBS]()
    return await reservation(call[REFERENCE], r, call.now)


async def detail(
    reference: ReferenceData, r: Reservation, now: datetime, language: Language
) -> schemas.ReservationDetail:
    venue, area = reference.catalog.venues[r.venue_id], reference.catalog.areas.get(r.area_id)
    waits = r.state is ReservationState.RESERVED
    kiosks = kiosk_names(reference, [venue], language, area) if waits else []
    return schemas.ReservationDetail(
        **await _fields(reference, r, now),
        history=entries(reference.zone, r.history),
        kiosks=kiosks,
    )


def entries(zone: Zone, history: Sequence[HistoryEntry]) -> list[schemas.HistoryEntryOut]:
    """A history as its reader may see it."""
    return [
        schemas.HistoryEntryOut(zone.local(e.at), e.event, *_actor_and_channel(e.by, e.via))
        for e in history
    ]


def _actor_and_channel(by: str, via: str) -> tuple[str, str]:
    """The actor and the channel to show in the reservation's history. The reader does not learn
    which librarian or which program acted."""
    if by != Role.LIBRARIAN:
        return by, via
    return ("program", "api") if via.startswith(ACTOR_PREFIX) else (by, "desk")


async def _fields(reference: ReferenceData, r: Reservation, now: datetime) -> dict[str, Any]:
    zone = reference.zone
    policy = await reference.policy_version_for(r.policy_version, r.area_id, r.date, r.reader_id)
    actions = allowed_actions.allowed_actions(zone, r, policy, now)
    return {
        "id": r.id,
        "rev": r.rev,
        "receipt": r.receipt,
        "seat": seat(reference, r.seat_id),
        "date": r.date,
        "start": zone.local(r.start),
        "end": zone.local(r.end),
        "state": r.state.value,
        "state_text": state_text(r),
        "created_at": zone.local(r.created_at),
        "checked_in_at": zone.local_if_any(r.checked_in_at),
        "usable_from": zone.local_if_any(r.available_from),
        "left_at": zone.local_if_any(r.left_at),
        "return_by": zone.local_if_any(r.return_by),
        "returned_at": zone.local_if_any(r.returned_at),
        "ended_at": zone.local_if_any(r.ended_at),
        "check_in_from": zone.local(r.check_in_from),
        "check_in_until": zone.local(r.check_in_until),
        "check_in_by": reference.catalog.venues[r.venue_id].check_in_way.value,
        "excused": r.penalty_waived,
        "reported": r.has_open_report,
        "assisted": assisted(zone, r),
        "held_until": zone.local_if_any(r.held_until),
        "presence_wanted": r.state is ReservationState.IN_USE and rules.asks_for_presence(r),
        "presence_due_at": zone.local_if_any(r.presence_due_at),
        "leave_minutes": leave_duration(zone, policy, now) // _MINUTE
        if "leave" in actions
        else None,
        "extend_from": zone.local_if_any(renewal_opens(r, policy))
        if r.state in _STILL_TO_END
        else None,
        "actions": actions,
        "season_id": r.season_id or UNSET,
    }


def assisted(zone: Zone, r: Reservation) -> schemas.AssistedOut | None:
    a = r.gate_assistance
    return (
        schemas.AssistedOut(a.kind, zone.local(a.at), zone.local_if_any(a.confirmed_at))
        if a
        else None
    )


def state_text(r: Reservation) -> str:
    """The reservation's state in words, marked if a gate set it and the reader must confirm it."""
    waits = r.state in CHECKED_IN_STATES and r.pending_confirmation is not None
    text = STATE_TEXT[r.state]
    return UNCONFIRMED_STATE.format(state=text) if waits else text
