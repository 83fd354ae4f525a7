from __future__ import annotations

from datetime import datetime

from handlers.http.schemas import Response


class CalendarFeedOut(Response):
    """Whether and since when the reader has a calendar feed. The feed's URL is not returned."""

    active: bool
    created_at: datetime | None


class CalendarAddressOut(Response):
    """The new URL of the reader's calendar feed. Only this response contains the URL."""

    url: str
    created_at: datetime
