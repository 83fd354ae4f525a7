"""Bookings that fit the rules and the plan no more: what a change hits, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from handlers import deeds
from handlers.http.forms import Form
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.labels import STATES
from handlers.staff.layout import SHOWN, reader_label, render, staff_context
from models.affected_bookings import impact
from models.affected_bookings.service import Resolution
from models.identity.roles import ADMINISTRATOR, has_role
from models.kernel.errors import InvalidRequest
from models.library.entities import Catalog
from models.reservations.occupancy import OccupancyRow
from models.reservations.state_machine import ReservationState

_LISTED: Final = 20


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change would hit: bookings, of which the first are listed (seat, start, end), readers
    who sit there, and seats that are held for somebody in line."""

    booked: list[tuple[str, datetime, datetime]]
    count: int
    sitting: int
    held: int

    @property
    def more(self) -> int:
        return self.count - len(self.booked)


def impact_of(library: Catalog, rows: Sequence[OccupancyRow]) -> Impact:
    booked = [row for row in rows if row.state is ReservationState.RESERVED]
    return Impact(
        booked=[
            (library.seat_label(library.all_seats[row.seat_id]), row.booked_start, row.end)
            for row in booked[:_LISTED]
        ],
        count=len(booked),
        sitting=sum(row.state in (ReservationState.IN_USE, ReservationState.AWAY) for row in rows),
        held=sum(row.state is ReservationState.OFFERED for row in rows),
    )


NOT_ASKED: Final = "又有预约受影响，请选择怎样处理"
"""Booked after the question was put, which named none."""


def resolution_from(form: Form) -> Resolution:
    """What becomes of the bookings that are hit; nothing where there were none to ask about.
    Raises: InvalidRequest."""
    try:
        return Resolution(form_text(form, "bookings") or Resolution.KEEP)
    except ValueError as error:
        raise InvalidRequest("bookings", "请选择怎样处理这些预约") from error


async def misfits(visit: PageRequest) -> web.StreamResponse:
    desk = visit.services.desk
    await desk.refresh()
    rows = await impact.find_unplaceable(desk, visit.now)
    people = await desk.readers.many({row.reader_id for row in rows[:SHOWN]})
    items = [
        (
            row,
            desk.library.seat_label(desk.library.all_seats[row.seat_id]),
            reader_label(people.get(row.reader_id)),
        )
        for row in rows[:SHOWN]
    ]
    return render(
        visit,
        "affected_bookings",
        items=items,
        total=len(rows),
        changes=has_role(visit.reader.category, ADMINISTRATOR),
        states=STATES,
        done="done" in visit.request.query,
        longest=LONGEST_REASON,
    )


async def call_off_misfits(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit.services.desk.refresh()
    await deeds.resolve_affected_bookings(
        staff_context(visit), resolution_from(form), form_reason(form)
    )
    return redirect("/console/misfits?done")
