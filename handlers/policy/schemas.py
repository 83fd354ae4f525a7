from __future__ import annotations

from handlers.http.schemas import Response


class KeepingOut(Response):
    """Days for which data is kept: reservations after their end, messages after the reservation was
    made, gate events and scans (``movements``), feedback after its answer, the audit log, visitors
    after their last day."""

    reservations: int
    messages: int
    movements: int
    feedback: int
    audit: int
    visitors: int


class TemplateOut(Response):
    """A message's WeChat template. ``long_term``: one consent is enough, requested separately from
    other templates."""

    message: str
    id: str
    long_term: bool


class LibraryOut(Response):
    """The library's profile. ``audience``: its users in words, may be empty. ``templates``: those
    to request consent for. ``review``: a review code has been issued, but not used."""

    name: str
    title: str
    audience: str
    contact: list[str]
    keeping: KeepingOut
    templates: list[TemplateOut]
    review: bool
