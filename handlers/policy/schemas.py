"""What the library's own words look like."""

from __future__ import annotations

from handlers.http.schemas import Response


class KeepingOut(Response):
    """For how many days it is kept: reservations after their end, messages after their
    reservation was made, gate events and scans (``movements``), feedback after its answer, what
    staff do, and visitors after their last day."""

    reservations: int
    messages: int
    movements: int
    feedback: int
    audit: int
    visitors: int


class TemplateOut(Response):
    """WeChat's template of a message. ``long_term``: it is accepted once, and never mixed with
    others in one request."""

    message: str
    id: str
    long_term: bool


class LibraryOut(Response):
    """``audience`` says for whom the service is; it may be empty. ``templates`` are those that the
    mini-program may ask consent for. ``review``: a review code waits to be handed in."""

    name: str
    title: str
    audience: str
    contact: list[str]
    keeping: KeepingOut
    templates: list[TemplateOut]
    review: bool
