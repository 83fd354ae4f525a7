"""Who had a seat: its bookings at some time, for lost property and complaints."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text
from handlers.reservations import presenter
from handlers.staff.forms import clock_of, date_in, refusal, seat_in, typed_in
from handlers.staff.layout import reader_label, render, staff_context
from handlers.texts.console import WRONG_TEXT
from models.booking.staff.seat_history import StaffSeatHistory
from models.kernel.errors import InvalidRequest
from models.kernel.time_range import TimeRange, local_date, local_instant
from models.readers.staff.readers import StaffReaders

_MOMENT: Final = timedelta(minutes=1)


async def seat_history(visit: PageRequest) -> web.StreamResponse:
    """The form. It is posted, so that the reason stands in no address."""
    return _page(visit)


async def look_up_seat(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The bookings that had the seat at that moment, or at some time in that span."""
    try:
        seat_id, span = seat_in(visit, form, even_if_removed=True), _span(visit, form)
        reason = form_reason(form)
    except InvalidRequest as error:
        return _page(visit, **refusal(visit, error, typed_in(form)))
    rows = await visit[StaffSeatHistory].who_had_seat(staff_context(visit), seat_id, span, reason)
    people = await visit[StaffReaders].many({r.reader_id for r in rows})
    items = [
        (r, r.used, presenter.state_text(r), reader_label(people.get(r.reader_id))) for r in rows
    ]
    typed = typed_in(form, ("area", "no", "date", "start", "end"))
    label = presenter.seat(visit[REFERENCE], seat_id).label
    return _page(visit, items=items, label=label, span=span, typed=typed)


def _span(visit: PageRequest, form: Form) -> TimeRange:
    """A moment where no end is typed. Raises: InvalidRequest."""
    day, start = date_in(form, "date"), clock_of(form_text(form, "start"), "start")
    until = form_text(form, "end")
    end = clock_of(until, "end") if until else None
    if not 2000 <= day.year < 2100 or (end is not None and end <= start):
        raise InvalidRequest("end", WRONG_TEXT["seat_time"])
    begin = local_instant(day, start)
    if begin > visit.now:
        raise InvalidRequest("start", WRONG_TEXT["seat_time"])
    return TimeRange(begin, local_instant(day, end) if end is not None else begin + _MOMENT)


def _page(visit: PageRequest, **more: Any) -> web.Response:
    facts: dict[str, Any] = {
        "areas": [a for a in visit[REFERENCE].catalog.known_areas if visit.sees(a.venue_id)],
        "today": local_date(visit.now),
        "typed": {},
        "wrong": "",
        "label": "",
        "span": None,
        "items": [],
        "longest": LONGEST_REASON,
    }
    return render(visit, "seat_history", **facts | more)
