"""The page that shows who had booked a seat at some time, for lost property and complaints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason
from handlers.reservations import presenter
from handlers.staff.forms import decode, seat_in
from handlers.staff.layout import reader_label, render, staff_context
from handlers.staff.sent_forms import keep_typed
from models.booking.staff.seat_history import StaffSeatHistory
from models.kernel.errors import Malformed
from models.kernel.time_range import TimeRange
from models.readers.staff.readers import StaffReaders

_MOMENT: Final = timedelta(minutes=1)


class SeatTimeForm(msgspec.Struct):
    """The form to look up who had a seat from ``start`` to ``end``, by default for one minute."""

    date: date
    start: time
    end: time | None = None


async def look_up_seat(visit: PageRequest, form: Form) -> web.StreamResponse:
    seat_id, span = seat_in(visit, form, even_if_removed=True), _span(visit, form)
    rows = await visit[StaffSeatHistory].who_had_seat(
        staff_context(visit), seat_id, span, form_reason(form)
    )
    people = await visit[StaffReaders].many({r.reader_id for r in rows})
    items = [
        (r, r.used, presenter.state_text(r), reader_label(people.get(r.reader_id))) for r in rows
    ]
    keep_typed(visit, form)
    return await seat_history(visit, span, items, visit[REFERENCE].catalog.label_of(seat_id))


def _span(visit: PageRequest, form: Form) -> TimeRange:
    """The form's time span. Raises: Malformed, also if the span begins in the future."""
    typed = decode(visit.zone, form, SeatTimeForm)
    day, end = typed.date, typed.end
    if not 2000 <= day.year < 2100 or (end is not None and end <= typed.start):
        raise Malformed("end", "seat_time")
    begin = visit.zone.instant(day, typed.start)
    if begin > visit.now:
        raise Malformed("start", "seat_time")
    return TimeRange(begin, visit.zone.instant(day, end) if end is not None else begin + _MOMENT)


async def seat_history(
    visit: PageRequest, span: TimeRange | None = None, items: Sequence[Any] = (), label: str = ""
) -> web.StreamResponse:
    """The page with the form and, once it was sent, the bookings ``items`` of a seat in the time
    ``span``. The form is sent by POST, so that no URL contains the reason for the look-up."""
    return render(
        visit,
        "seat_history",
        areas=[a for a in visit[REFERENCE].catalog.known_areas if visit.sees(a.venue_id)],
        today=visit.zone.day(visit.now),
        label=label,
        span=span,
        items=items,
    )
