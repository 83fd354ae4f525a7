from __future__ import annotations

from handlers.http.schemas import Response


class KeepingOut(Response):
    """Days of storage: reservations after their end, messages after the reservation was made, gate
    events and scans (``movements``), feedback after its answer, audit log, visitors after their
    last day."""

    reservations: int
    messages: int
    movements: int
    feedback: int
    audit: int
    visitors: int


class TemplateOut(Response):
    """``long_term``: the template needs one consent, requested separately from other templates."""

    message: str
    id: str
    long_term: bool


class LibraryOut(Response):
    """``audience``: the service's users in words; may be empty. ``templates``: those that the
    mini-program may request consent for. ``review``: an issued review code is not used yet."""

    name: str
    title: str
    audience: str
    contact: list[str]
    keeping: KeepingOut
    templates: list[TemplateOut]
    review: bool
