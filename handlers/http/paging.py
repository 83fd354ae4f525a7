"""TODO docstring."""

from __future__ import annotations

import msgspec

from handlers.http import schemas
from handlers.http.pages import PageRequest


def page_number(visit: PageRequest) -> int:
    """Which page is asked for; what is none is the first."""
    query = {"page": visit.request.query.get("page", "1")}
    try:
        asked: schemas.Pagination = msgspec.convert(query, schemas.Pagination, strict=False)
    except msgspec.ValidationError:
        return 1
    return asked.page


def pages_of(total: int, size: int) -> int:
    """An empty list has one page, too."""
    return max(1, -(-total // size))
