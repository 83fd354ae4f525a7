from __future__ import annotations

from handlers.http.schemas import Response


class KeepingOut(Response):
    """How many days the library keeps data: reservations after their end, messages after the
    reservation was made, gate events and scans (``movements``), feedback after its answer, the
    audit log, visitors after their last day."""

    reservations: int
    messages: int
    movements: int
    feedback: int
    audit: int
    visitors: int


class TemplateOut(Response):
    """The WeChat template of a kind of message. ``long_term``: one consent is enough for all
    messages, and has to be requested without other templates."""

    message: str
    id: str
    long_term: bool


class LibraryOut(Response):
    """The library's profile. ``audience``: the library's users in words, may be empty.
    ``templates``: the templates that the client asks consent for. ``review``: a review code is
    still unused, so WeChat may be reviewing the mini-program. ``rooms``: there are study rooms.
    ``seasons``: there are seasons, open or over."""

    name: str
    title: str
    audience: str
    contact: list[str]
    keeping: KeepingOut
    templates: list[TemplateOut]
    review: bool
    rooms: bool = False
    seasons: bool = False
