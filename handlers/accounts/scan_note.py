"""Scan notes: signed proofs of a scan that was made before the sign-in, for a check-in
afterwards. A browser carries its scan note in a cookie."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from aiohttp import web

from bind.scan_notes import SIGN_IN_FOR, ScanNotes
from bind.scanned_codes import ScannedCodes
from handlers.accounts.schemas import Scan, ScanNoteOut
from handlers.http.api_routes import ApiRoutes
from handlers.http.authentication import client_address, require_clock, signed_in
from handlers.http.cookies import give_cookie
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import LOAD_SHEDDER, REFERENCE, SITE, service_key
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.pages import redirect
from models.check_in.arrival import KioskCodeScan, PresenceScan
from models.check_in.errors import PresenceMethodOff, QrExpired
from models.check_in.service import CheckInService
from models.identity.entities import Principal
from models.kernel.errors import NotFound, TooManyAttempts
from models.kiosks.errors import QrInvalid

routes = ApiRoutes()


COOKIE: Final = "seat_proof"


def carried_note(request: web.Request) -> str:
    """The scan note in the browser's cookie; empty if there is none."""
    return request.cookies.get(COOKIE, "")


async def take_scan(request: web.Request, place: str) -> web.Response:
    """Verifies the code in a scanned link to ``place``, the path /k/<kiosk> or /s/<seat>. Redirects
    to the check-in page of that path with a scan note, because the code may expire during a
    sign-in. The redirect hides the code from the address bar and the history.

    Raises: Throttled, ClockWrong, QrInvalid, QrExpired, TooManyAttempts, PresenceMethodOff.
    """
    now, app = request[NOW], request.app
    raise_if_limited(app[LOAD_SHEDDER].addresses.wait_for(client_address(request)))
    require_clock(request)
    principal = await signed_in(request, now)
    if principal is not None and principal.reader is None:
        principal = None  # an unbound phone counts as signed out
    link = f"{app[SITE].public_base_url}{place}?c={request.query.get('c', '')}"
    scan = await _verified(request, link, principal, now)
    response = redirect(f"{place}/check-in")
    session_id = principal.session.id if principal is not None else None
    give_note(request, response, app[service_key(ScanNotes)].issue(scan, session_id, now))
    return response


@routes.post(
    "/scans",
    "Record a code scanned before the login or binding, to check in with it afterwards",
    Access.ANYONE,
    errors=(QrInvalid, QrExpired, PresenceMethodOff, NotFound, TooManyAttempts),
)
async def note_scan(call: ApiRequest, body: Scan) -> ScanNoteOut:
    """Verifies a code scanned before login or binding. Returns a scan note for a later check-in."""
    principal = await signed_in(call.request, call.now)
    scan = await _verified(call.request, body.qr, principal, call.now)
    session_id = principal.session.id if principal is not None else None
    bound = principal is not None and principal.reader is not None
    return ScanNoteOut(call[ScannedCodes].note_of(scan, session_id, call.now, bound=bound))


async def _verified(
    request: web.Request, text: str, principal: Principal | None, now: datetime
) -> PresenceScan:
    """The verified scan of the code ``text``. Guesses are limited by reader or client address.
    Raises: QrInvalid, QrExpired, TooManyAttempts, NotFound, PresenceMethodOff."""
    app = request.app
    codes, reader = (
        app[service_key(ScannedCodes)],
        principal.reader if principal is not None else None,
    )
    step_seconds = app[REFERENCE].policy_on(app[REFERENCE].zone.day(now), None).kiosk_code_seconds
    if reader is not None:
        scan = await codes.brought(text, None, reader.id, step_seconds, now)
    else:
        address = client_address(request)
        scan = await codes.verify_signed_out(text, address, step_seconds, now)
    if isinstance(scan, KioskCodeScan) and not scan.is_current:
        raise QrExpired()
    app[service_key(CheckInService)].venue_of(scan)
    return scan


def give_note(request: web.Request, response: web.StreamResponse, note: str) -> None:
    give_cookie(request, response, COOKIE, note, int(SIGN_IN_FOR.total_seconds()))


def begin_sign_in(request: web.Request, response: web.StreamResponse, state: str) -> None:
    """Ties the browser's scan note to the sign-in ``state`` if the note belongs to no session
    yet, so that no other sign-in can use the note."""
    note = request.app[service_key(ScanNotes)].begin_sign_in(
        carried_note(request), state, request[NOW]
    )
    if note is not None:
        give_note(request, response, note)


def finish_sign_in(
    request: web.Request, response: web.StreamResponse, state: str, session_id: str
) -> None:
    """Ties the scan note of the sign-in ``state`` to the session that the sign-in has opened."""
    carried, now = carried_note(request), request[NOW]
    note = request.app[service_key(ScanNotes)].finish_sign_in(carried, state, session_id, now)
    if note is not None:
        give_note(request, response, note)
