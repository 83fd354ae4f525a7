from __future__ import annotations

from typing import Final

import msgspec

from handlers.http import schemas
from handlers.http.pages import PageRequest

RECORDS_PER_PAGE: Final = 10


def page_number(visit: PageRequest) -> int:
    """The page number in the query; 1 without a valid number."""
    query = {"page": visit.request.query.get("page", "1")}
    try:
        pagination: schemas.Pagination = msgspec.convert(query, schemas.Pagination, strict=False)
    except msgspec.ValidationError:
        return 1
    return pagination.page


def pages_of(total: int, size: int) -> int:
    """The number of pages, at least 1."""
    return max(1, -(-total // size))
