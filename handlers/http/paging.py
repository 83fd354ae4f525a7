"""TODO docstring."""

from __future__ import annotations

import msgspec

from handlers.api import schemas as s
from handlers.http.pages import PageRequest


def page_number(visit: PageRequest) -> int:
    """Which page is asked for; what is none is the first."""
    query = {"page": visit.request.query.get("page", "1")}
    try:
        asked: s.Pagination = msgspec.convert(query, s.Pagination, strict=False)
    except msgspec.ValidationError:
        return 1
    return asked.page


def pages_of(total: int, size: int) -> int:
    """An empty list has one page, too."""
    return max(1, -(-total // size))
