"""The shapes of the JSON API: requests are validated by them, answers and OpenAPI made of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

ClockTime = Annotated[
    str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5, description="HH:MM")
]
Start = Annotated[
    str,
    Meta(
        pattern="^(now|([01][0-9]|2[0-3]):[0-5][0-9])$",
        max_length=5,
        description="now (现在) or HH:MM",
    ),
]
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Instant = Annotated[datetime, Meta(tz=True, description="in the years 2000 to 2099")]


class Request(Struct, forbid_unknown_fields=True):
    """A request body or query: unknown fields are errors."""


class InstantRequest(Request):
    """One with instants. Those that no reader ever sees are malformed: the first and the last days
    of the calendar cannot even be taken to another time zone."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime) and not 2000 <= value.year < 2100:
                raise ValueError(f"{name}: a year from 2000 to 2099")


class EmptyRequest(Request):
    """The body of an operation that takes none: empty, or an empty object."""


class Response(Struct):
    """An answer."""


class SuspensionOut(Response):
    """Why and until when a reader may not book. ``until`` is null where it lasts until the library
    ends it. ``reason`` is in words; ``violations`` and ``days`` are set where violations brought
    it: so many within so many days."""

    until: datetime | None
    reason: str
    violations: int | None
    days: int | None


Item = TypeVar("Item")


class Page(Response, Generic[Item]):
    """One page of a list; ``total`` counts the items of all its pages."""

    items: list[Item]
    page: int
    page_size: int
    total: int


class Pagination(Request):
    """Which page of a list is asked for."""

    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=100)] = 20

    @property
    def offset(self) -> int:
        """How many items stand before the page."""
        return (self.page - 1) * self.page_size

    def page_of(self, items: list[Item], total: int) -> Page[Item]:
        """The answer with these items, of ``total`` in the whole list."""
        return Page(items, self.page, self.page_size, total)


NonBlankText = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]


class ErrorBody(Response):
    code: str
    message: str
    details: dict[str, Any]


class ErrorOut(Response):
    error: ErrorBody
