"""Shapes of the API for the calendar feed."""

from __future__ import annotations

from datetime import datetime

from handlers.http.schemas import Response


class CalendarFeedOut(Response):
    """Whether there is an address, and since when; not the address."""

    active: bool
    created_at: datetime | None


class CalendarAddressOut(Response):
    """The address, told this once."""

    url: str
    created_at: datetime
