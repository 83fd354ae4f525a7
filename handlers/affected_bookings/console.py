"""Affected bookings: the confirmation page before a change of hours or plans, and what happens
to the bookings that the change no longer allows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.rooms.presenter import room_label
from handlers.staff.layout import SHOWN, reader_label, render, sees_seat, staff_context
from handlers.staff.sent_forms import keep_typed
from handlers.texts.console import WRONG_TEXT
from handlers.texts.console_labels import STATES
from handlers.texts.labels import ROOM_STATE_TEXT
from models.affected_bookings.impact import AffectedBookings
from models.affected_bookings.rooms import AffectedRooms
from models.affected_bookings.service import Resolution
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.library.entities import Catalog
from models.policy.entities import Policy
from models.policy.staff import StaffPolicyAndPlans
from models.readers.staff.readers import StaffReaders
from models.reservations.occupancy_rows import OccupancyRow
from models.reservations.room_booking import RoomBooking, RoomState
from models.reservations.state_machine import ReservationState

_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Impact:
    """The reservations that a change would affect. ``booked``: the first of the ``count``
    affected bookings, each as seat or room, start, end and reader; ``rooms`` of the ``count`` are
    of rooms. ``sitting``: the number of readers who are using an affected seat or room. ``held``:
    the number of affected offers."""

    booked: list[tuple[str, datetime, datetime, str]]
    count: int
    sitting: int
    held: int
    rooms: int

    @property
    def more(self) -> int:
        """The number of affected bookings that are not in ``booked``."""
        return self.count - len(self.booked)


async def _impact(
    visit: PageRequest, rows: Sequence[OccupancyRow], rooms: Sequence[RoomBooking]
) -> Impact:
    seats = [row for row in rows if row.state is ReservationState.RESERVED]
    booked_rooms = [b for b in rooms if b.state is not RoomState.IN_USE]
    booked = [
        *(
            (label, row.booked_start, row.end, who)
            for row, label, who in await _listed(visit, seats[:_LISTED])
        ),
        *(
            (label, b.span.start, b.span.end, who)
            for b, label, who in await _listed_rooms(visit, booked_rooms[:_LISTED])
        ),
    ]
    sitting = sum(row.state in (ReservationState.IN_USE, ReservationState.AWAY) for row in rows)
    return Impact(
        booked=sorted(booked, key=lambda line: line[1])[:_LISTED],
        count=len(seats) + len(booked_rooms),
        sitting=sitting + sum(len(b.people) for b in rooms if b.state is RoomState.IN_USE),
        held=sum(row.state is ReservationState.OFFERED for row in rows),
        rooms=len(booked_rooms),
    )


async def _listed(
    visit: PageRequest, rows: Sequence[OccupancyRow]
) -> list[tuple[OccupancyRow, str, str]]:
    people = await visit[StaffReaders].many({row.reader_id for row in rows})
    catalog = visit[REFERENCE].catalog
    return [
        (
            row,
            catalog.label_of(row.seat_id),
            reader_label(people.get(row.reader_id)),
        )
        for row in rows
    ]


async def _listed_rooms(
    visit: PageRequest, rooms: Sequence[RoomBooking]
) -> list[tuple[RoomBooking, str, str]]:
    people = await visit[StaffReaders].many({b.booker for b in rooms})
    return [(b, room_label(visit[REFERENCE], b), reader_label(people.get(b.booker))) for b in rooms]


async def open_question(
    visit: PageRequest, form: Form, policy: Policy, catalog: Catalog
) -> dict[str, Any] | None:
    """The template data of the page that asks before ``policy`` and ``catalog`` replace the old
    ones. None if the form confirms the change and says what happens to the affected bookings."""
    rows = await visit[AffectedBookings].find_affected(policy, catalog, visit.now)
    rooms = await visit[AffectedRooms].find_affected(visit.now, policy)
    answered = is_answered(form, rows, rooms)
    return None if answered else await question_about(visit, form, rows, rooms)


def is_answered(
    form: Form, rows: Sequence[OccupancyRow], rooms: Sequence[RoomBooking] = ()
) -> bool:
    """True if the form confirms the change and says what happens to any bookings in ``rows`` and
    ``rooms``."""
    has_bookings = any(row.state is ReservationState.RESERVED for row in rows)
    has_bookings |= any(b.state is not RoomState.IN_USE for b in rooms)
    return bool(form_text(form, "confirmed") and (form_text(form, "bookings") or not has_bookings))


async def question_about(
    visit: PageRequest,
    form: Form,
    rows: Sequence[OccupancyRow],
    rooms: Sequence[RoomBooking] = (),
) -> dict[str, Any]:
    """The template data of the page that asks before a change that affects the reservations
    ``rows`` and the bookings of ``rooms``. Makes the page show the form as it was sent."""
    keep_typed(visit, form)
    # Confirmed without a resolution: the bookings were made after the question was shown.
    missing = {"wrong": WRONG_TEXT["newly_affected"]} if form_text(form, "confirmed") else {}
    return {"impact": await _impact(visit, rows, rooms), **missing}


def resolution_from(form: Form) -> Resolution:
    """The resolution that the form chooses for affected bookings. ``KEEP`` if the form has none,
    because no booking was affected. Raises: Malformed."""
    try:
        return Resolution(form_text(form, "bookings") or Resolution.KEEP)
    except ValueError as error:
        raise Malformed("bookings", "resolution_missing") from error


async def affected_bookings(visit: PageRequest) -> web.StreamResponse:
    """Shows the bookings that the current opening hours or floor plans no longer allow."""
    await visit[REFERENCE].refresh()
    rows = [
        row
        for row in await visit[AffectedBookings].find_unplaceable(visit.now)
        if sees_seat(visit, row.seat_id)
    ]
    rooms = [
        b for b in await visit[AffectedRooms].find_unplaceable(visit.now) if visit.sees(b.venue_id)
    ]
    return render(
        visit,
        "affected_bookings",
        items=await _listed(visit, rows[:SHOWN]),
        rooms=await _listed_rooms(visit, rooms[:SHOWN]),
        room_states=ROOM_STATE_TEXT,
        total=len(rows) + len(rooms),
        changes=visit.may_in(None, Role.ADMINISTRATOR),
        states=STATES,
    )


async def resolve_affected_bookings(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    await visit[StaffPolicyAndPlans].resolve_affected_bookings(
        staff_context(visit), resolution_from(form), form_reason(form)
    )
    return redirect("/console/affected-bookings?done")
