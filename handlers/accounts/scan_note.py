"""The cookie in which a browser carries the note of a scanned code through a sign-in."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bind.scan_notes import SIGN_IN_FOR
from handlers.http.keys import SITE
from handlers.http.middleware import NOW
from handlers.keys import SCAN_NOTES

COOKIE: Final = "seat_proof"


def carried_note(request: web.Request) -> str:
    """The note that the browser brings; empty where it has none."""
    return request.cookies.get(COOKIE, "")


def give_note(request: web.Request, response: web.StreamResponse, note: str) -> None:
    """Let the browser carry the note."""
    response.set_cookie(
        COOKIE,
        note,
        path="/",
        max_age=int(SIGN_IN_FOR.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=request.app[SITE].secure_cookies,
    )


def begin_sign_in(request: web.Request, response: web.StreamResponse, state: str) -> None:
    """A note that is nobody's yet belongs to the sign-in that begins."""
    note = request.app[SCAN_NOTES].begin_sign_in(carried_note(request), state, request[NOW])
    if note is not None:
        give_note(request, response, note)


def finish_sign_in(
    request: web.Request, response: web.StreamResponse, state: str, session_id: str
) -> None:
    """The note of a sign-in belongs to the session that it has led to."""
    carried, now = carried_note(request), request[NOW]
    note = request.app[SCAN_NOTES].finish_sign_in(carried, state, session_id, now)
    if note is not None:
        give_note(request, response, note)
