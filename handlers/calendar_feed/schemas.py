from __future__ import annotations

from datetime import datetime

from handlers.http.schemas import Response


class CalendarFeedOut(Response):
    """Whether the feed has an address, and since when; the address itself is not returned."""

    active: bool
    created_at: datetime | None


class CalendarAddressOut(Response):
    """The new address; it is not returned again."""

    url: str
    created_at: datetime
