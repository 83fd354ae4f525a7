"""A kiosk's code or a seat's label that a browser or the mini-program opens: it is verified at
once, and a note of it goes through the sign-in, a browser's in a cookie."""

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
from models.kernel.time_range import local_date
from models.kiosks.errors import QrInvalid

routes = ApiRoutes()


COOKIE: Final = "seat_proof"


def carried_note(request: web.Request) -> str:
    """The note that the browser brings; empty where it has none."""
    return request.cookies.get(COOKIE, "")


async def take_scan(request: web.Request, place: str) -> web.Response:
    """Verify the code with which somebody opens ``place``, /k/<kiosk> or /s/<seat>, and go on to
    its page with a note of this moment: signing in may take longer than a code lives. The redirect
    takes the code out of the address, so that a reload or the browser's history shows none.

    Raises: Throttled, ClockWrong, QrInvalid, QrExpired, TooManyAttempts, PresenceMethodOff.
    """
    now, app = request[NOW], request.app
    raise_if_limited(app[LOAD_SHEDDER].addresses.wait_for(client_address(request)))
    require_clock(request)
    principal = await signed_in(request, now)
    if principal is not None and principal.reader is None:
        principal = None  # a phone that is bound to nobody is nobody here
    link = f"{app[SITE].public_base_url}{place}?c={request.query.get('c', '')}"
    scan = await _verified(request, link, principal, now)
    response = redirect(f"{place}/check-in")
    session_id = principal.session.id if principal is not None else None
    give_note(request, response, app[service_key(ScanNotes)].issue(scan, session_id, now))
    return response


@routes.post(
    "/scans",
    "Note that a code was scanned now, before logging in or being bound",
    Access.ANYONE,
    errors=(QrInvalid, QrExpired, PresenceMethodOff, NotFound, TooManyAttempts),
)
async def note_scan(call: ApiRequest, body: Scan) -> ScanNoteOut:
    """The moment of a scan, for a phone that has to log in or to be bound first."""
    principal = await signed_in(call.request, call.now)
    scan = await _verified(call.request, body.qr, principal, call.now)
    session_id = principal.session.id if principal is not None else None
    bound = principal is not None and principal.reader is not None
    return ScanNoteOut(call[ScannedCodes].note_of(scan, session_id, call.now, bound=bound))


async def _verified(
    request: web.Request, text: str, principal: Principal | None, now: datetime
) -> PresenceScan:
    """What was scanned a moment ago. Raises: QrInvalid, QrExpired, TooManyAttempts, NotFound,
    PresenceMethodOff."""
    app = request.app
    codes, reader = (
        app[service_key(ScannedCodes)],
        principal.reader if principal is not None else None,
    )
    step_seconds = app[REFERENCE].policy_on(local_date(now)).kiosk_code_seconds
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
    """Let the browser carry the note."""
    give_cookie(request, response, COOKIE, note, int(SIGN_IN_FOR.total_seconds()))


def begin_sign_in(request: web.Request, response: web.StreamResponse, state: str) -> None:
    """A note that is nobody's yet belongs to the sign-in that begins."""
    note = request.app[service_key(ScanNotes)].begin_sign_in(
        carried_note(request), state, request[NOW]
    )
    if note is not None:
        give_note(request, response, note)


def finish_sign_in(
    request: web.Request, response: web.StreamResponse, state: str, session_id: str
) -> None:
    """The note of a sign-in belongs to the session that it has led to."""
    carried, now = carried_note(request), request[NOW]
    note = request.app[service_key(ScanNotes)].finish_sign_in(carried, state, session_id, now)
    if note is not None:
        give_note(request, response, note)
