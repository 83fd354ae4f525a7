"""Operations of the API: the calendar feed, and one booking as a calendar file."""

from __future__ import annotations

from typing import Final

from handlers.calendar_feed import api
from handlers.http.endpoint import delete, get, post
from models.kernel.errors import NotFound

ROUTES: Final = (
    get("/calendar-feed", api.show, "Whether the reader's calendar feed has an address"),
    post(
        "/calendar-feed",
        api.issue,
        "A new secret address of the feed, told this once; the one before ends",
        status=201,
    ),
    delete("/calendar-feed", api.revoke, "The feed has no address any more"),
    get(
        "/reservations/{id}/calendar.ics",
        api.reservation,
        "One of the reader's bookings as an iCalendar file",
        media="text/calendar",
        errors=(NotFound,),
    ),
)
