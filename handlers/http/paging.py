"""Lists on pages: which page of a list is asked for, and how many there are."""

from __future__ import annotations

from typing import Final

import msgspec

from handlers.http import schemas
from handlers.http.pages import PageRequest

RECORDS_PER_PAGE: Final = 10
"""Lines on one page of a reader's records."""


def page_number(visit: PageRequest) -> int:
    """The number of the page that is asked for; 1 where the query names none."""
    query = {"page": visit.request.query.get("page", "1")}
    try:
        asked: schemas.Pagination = msgspec.convert(query, schemas.Pagination, strict=False)
    except msgspec.ValidationError:
        return 1
    return asked.page


def pages_of(total: int, size: int) -> int:
    """How many pages a list of ``total`` entries has; an empty list has one."""
    return max(1, -(-total // size))
