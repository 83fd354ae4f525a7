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
    """A request body or query; unknown fields are errors."""


class InstantRequest(Request):
    """A request whose instants must lie in the years 2000 to 2099. The first and last days of
    Python's calendar could not be converted to another time zone."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime) and not 2000 <= value.year < 2100:
                raise ValueError(f"{name}: a year from 2000 to 2099")


class EmptyRequest(Request):
    """The body of an operation without parameters: empty or an empty object."""


class Response(Struct):
    pass


class SuspensionOut(Response):
    """A reader's suspension. ``until``: null if only the library ends it. ``reason``: a text.
    ``violations`` within ``days`` days have caused it; both are null for another cause."""

    until: datetime | None
    reason: str
    violations: int | None
    days: int | None


Item = TypeVar("Item")


class Page(Response, Generic[Item]):
    """One page of a list. ``total``: the number of items on all pages together."""

    items: list[Item]
    page: int
    page_size: int
    total: int


class Pagination(Request):
    page: Annotated[int, Meta(ge=1, le=10_000)] = 1
    page_size: Annotated[int, Meta(ge=1, le=100)] = 20

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size

    def page_of(self, items: list[Item], total: int) -> Page[Item]:
        return Page(items, self.page, self.page_size, total)


NonBlankText = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]


class ErrorBody(Response):
    code: str
    message: str
    details: dict[str, Any]


class ErrorOut(Response):
    error: ErrorBody
