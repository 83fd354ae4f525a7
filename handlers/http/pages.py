"""Pages and forms for browsers: request, session, CSRF token, redirects and error pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from aiohttp import web

from handlers.http.authentication import (
    WRITES,
    bound_reader,
    channel_of,
    enforce_rate_limit,
    identify,
    require_clock,
    require_own_origin,
    session_id,
)
from handlers.http.csrf import is_csrf_token_valid
from handlers.http.deadline import ANSWER_WITHIN_S, read_within
from handlers.http.endpoint import key_of
from handlers.http.errors import facts_of, status_of
from handlers.http.forms import Form, form_of
from handlers.http.keys import LOAD_SHEDDER, REFERENCE, service_key
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.offline import DEVICE, DeviceCopy
from handlers.http.presenting import suspension
from handlers.http.refusals import count_error
from handlers.http.rendering import FRAGMENT_HEADER, STAFF, render_page
from handlers.http.request_body import MAX_BODY_BYTES
from handlers.http.request_parsing import digest_of
from handlers.http.schemas import SuspensionOut
from handlers.texts.errors import text_of
from handlers.texts.pages import PAGE_NOT_SHOWN, REFUSED_HEADING, TYPED_REFUSAL
from models.identity.entities import Principal, SessionKind
from models.identity.errors import NotBound, OtherVenue, SecondFactorRequired, SignInAgain
from models.identity.roles import Role, StaffRights
from models.kernel.errors import (
    BadOrigin,
    DomainError,
    Malformed,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from models.kernel.ids import Actor
from models.kernel.request_id import REQUEST_ID
from models.kernel.text import is_printable_line
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader
from models.storage.rate_limiter import RateLimit

Value = TypeVar("Value")


@dataclass(slots=True)
class PageRequest:
    """A page view or a sent form, with its reader's session. ``now``: when the request arrived."""

    request: web.Request
    now: datetime
    principal: Principal

    def __getitem__(self, key: web.AppKey[Value] | type[Value]) -> Value:
        """The application's service of this class, or the value under an ``AppKey``."""
        return self.request.app[service_key(key) if isinstance(key, type) else key]

    @property
    def zone(self) -> Zone:
        return self[REFERENCE].zone

    @property
    def reader(self) -> Reader:
        return bound_reader(self.principal)

    @property
    def id(self) -> str:
        return self.request.match_info["id"]

    @property
    def role(self) -> Role | None:
        """The reader's highest staff role in any venue in this session; None without a role."""
        return self.rights.role if self.rights is not None else None

    @property
    def rights(self) -> StaffRights | None:
        """The staff rights that the reader has in this session; None if they have none."""
        return self.principal.rights_at(self.zone, self.now)

    def may(self, role: Role) -> bool:
        """True if the reader has this role, or a higher one, in some venue."""
        return self.role is not None and self.role.covers(role)

    def may_in(self, venue_id: VenueId | None, role: Role) -> bool:
        """True if the reader has the role in the venue, or (None) in the whole library."""
        return self.rights is not None and self.rights.covers(role, venue_id)

    def sees(self, venue_id: VenueId) -> bool:
        """True if the reader may see the venue's pages in the console."""
        return self.may_in(venue_id, Role.VIEWER)

    def require_in(self, venue_id: VenueId | None, role: Role = Role.VIEWER) -> None:
        """Raises: OtherVenue if the reader lacks ``role`` in the venue (None: whole library)."""
        if not self.may_in(venue_id, role):
            raise OtherVenue()

    @property
    def suspension(self) -> SuspensionOut | None:
        """The reader's suspension; None if they may book."""
        return suspension(self.zone, self.reader, self.now)

    def context(self, key: IdempotencyKey | None = None) -> RequestContext:
        return RequestContext(
            self.reader,
            Actor("reader", channel_of(self.principal)),
            self.now,
            key,
            self.request.app[LOAD_SHEDDER].door.step_aside,
        )

    def context_with_key(self, form: Form, body: msgspec.Struct) -> RequestContext:
        """The context for services with the form's idempotency key, so that a form sent twice
        has one effect. ``body``: the form's content, to which the key is tied."""
        key, repeated = form_text(form, "key"), bool(form_text(form, "repeat"))
        if not key:
            return self.context(None)
        return self.context(key_of(key, self.request.path, digest_of(body), repeated=repeated))


Shown = Callable[[PageRequest], Awaitable[web.StreamResponse]]
Posted = Callable[[PageRequest, Form], Awaitable[web.StreamResponse]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Filled = Callable[[web.Request, Form], str]


def reader_page(
    view: Shown,
    signed_out: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None,
    *,
    patient: bool = False,
) -> Handler:
    """The handler of a page for readers. ``signed_out`` answers visitors without a session; by
    default they sign in and return to the page. ``patient``: the page has no time limit."""

    async def handle(request: web.Request) -> web.StreamResponse:
        visit = None

        async def answer() -> web.StreamResponse:
            nonlocal visit
            request.app[LOAD_SHEDDER].begin_read()
            try:
                visit = await _visit(request)
                raise_if_limited(request.app[LOAD_SHEDDER].reads.wait_for(visit.reader.id))
                return await view(visit)
            finally:
                request.app[LOAD_SHEDDER].end_read()

        try:
            return await (answer() if patient else read_within(ANSWER_WITHIN_S, answer()))
        except (Unauthenticated, NotBound) as error:
            if FRAGMENT_HEADER in request.headers:
                count_error(request, error)
                return web.Response(status=401)  # scripts cannot follow to the campus's host
            request[DEVICE] = DeviceCopy()
            return await signed_out(request) if signed_out is not None else to_sign_in(request)
        except DomainError as error:
            return domain_error_page(request, error, visit)

    return handle


def open_page(
    view: Callable[[web.Request, Reader | None], Awaitable[web.StreamResponse]],
) -> Handler:
    """A public page's handler. ``view`` renders it for the reader, or None without a session."""

    async def with_reader(visit: PageRequest) -> web.StreamResponse:
        return await view(visit.request, visit.reader)

    return reader_page(with_reader, lambda request: view(request, None))


def reader_form(
    posted: Posted,
    bucket: RateLimit = WRITES,
    max_bytes: int = MAX_BODY_BYTES,
    *,
    multipart: bool = False,
    patient: bool = False,
    back: Filled | None = None,
) -> Handler:
    """The handler of a form that a reader sends from a page of this service, checked by origin
    and CSRF token. ``bucket``: the rate limit for each reader. ``max_bytes``, ``multipart``: see
    ``form_of``. ``patient``: the work has no time limit. ``back``: if the session had ended,
    renders the page with the filled-in form after the reader has signed in again."""

    async def handle(request: web.Request) -> web.StreamResponse:
        visit, ours = None, None
        changes = request.app[LOAD_SHEDDER].changes

        async def answer(form: Form) -> web.StreamResponse:
            nonlocal visit, ours
            async with request.app[LOAD_SHEDDER].door:
                visit = await _visit(request)
                require_own_origin(request)
                if not is_csrf_token_valid(request, form_text(form, "csrf")):
                    raise BadOrigin()
                ours = form
                await enforce_rate_limit(request, bucket, visit.reader.id)
                return await posted(visit, form)

        try:
            session_id(request)
            require_clock(request)
            work = answer(await form_of(request, max_bytes, multipart=multipart))
            return await (work if patient else changes.within(ANSWER_WITHIN_S, work))
        except (Unauthenticated, NotBound) as error:
            if FRAGMENT_HEADER in request.headers:
                count_error(request, error)
                return web.Response(status=401)
            if back is None:
                return redirect("/login")
            try:
                return _sign_in_for(back(request, await form_of(request, max_bytes)))
            except DomainError:
                return redirect("/login")
        except DomainError as error:
            return domain_error_page(request, error, visit, ours)

    return handle


async def _visit(request: web.Request) -> PageRequest:
    now = request[NOW]
    principal = await identify(request, now)
    if principal.session.kind in (SessionKind.KIOSK, SessionKind.API):
        raise Unauthenticated()  # pages are not for cards at a kiosk or programs
    visit = PageRequest(request, now, principal)
    request[STAFF] = visit.may(Role.VIEWER)
    session = principal.session
    stays = session.kind is SessionKind.WEB and session.is_kept
    request[DEVICE] = DeviceCopy(session.public_id if stays else "")
    return visit


def form_text(form: Form, name: str) -> str:
    """The field's text without surrounding blanks; empty if it is missing or a file."""
    value = form.get(name, "")
    return value.strip() if isinstance(value, str) else ""


LONGEST_REASON: Final = 200


def form_reason(form: Form, name: str = "reason") -> str:
    """The reason that staff enter, for the audit log and the reader. Raises: Malformed."""
    reason = form_text(form, name)
    if not reason or len(reason) > LONGEST_REASON or not is_printable_line(reason):
        raise Malformed(name, "reason_length", most=LONGEST_REASON)
    return reason


# --- responses ------------------------------------------------------------------------------------
def done(visit: PageRequest, to: str) -> web.Response:
    """The response to a form that was carried out: a redirect to ``to``, the page that shows the
    result. If a page's script sent the form, the response is 201 with this URL."""
    if FRAGMENT_HEADER in visit.request.headers:
        return web.Response(status=201, headers={"Location": to, "Cache-Control": "no-store"})
    return redirect(to)


def redirect(to: str) -> web.Response:
    """303 See Other: the browser loads the next page with GET."""
    return web.Response(status=303, headers={"Location": to, "Cache-Control": "no-store"})


def to_sign_in(request: web.Request, *, renew: bool = False) -> web.Response:
    """Redirects to the sign-in, which leads back to the requested page. With ``renew``, the
    campus asks for the password again."""
    return _sign_in_for(request.path_qs, "&renew=1" if renew else "")


def _sign_in_for(path: str, more: str = "") -> web.Response:
    return redirect(f"/login?next={quote(path, safe='')}{more}")


def form_page(
    visit: PageRequest, template: str, refused: DomainError | None, **facts: Any
) -> web.StreamResponse:
    """The page of a form, with the reason for which the last one was refused."""
    refusal, headers = "", None
    if refused is not None:
        details, headers = facts_of(visit.zone, refused)
        refusal = TYPED_REFUSAL.get(refused.code) or text_of(refused.code, details)
    return render_page(
        visit.request,
        template,
        status=200 if refused is None else status_of(type(refused)),
        headers=headers,
        reader=visit.reader,
        refusal=refusal,
        **facts,
    )


def domain_error_page(
    request: web.Request,
    error: DomainError,
    visit: PageRequest | None = None,
    form: Form | None = None,
) -> web.Response:
    """A refusal's error page, with a button that sends ``form`` again if this may succeed later."""
    count_error(request, error)
    facts, headers = facts_of(request.app[REFERENCE].zone, error)
    again: list[tuple[str, str]] = []
    if isinstance(error, Throttled | Unavailable | SignInAgain | SecondFactorRequired):
        again = [(name, form_text(form, name)) for name in form] if form is not None else []
    if again and isinstance(error, Unavailable) and "repeat" not in dict(again):
        again.append(("repeat", "1"))
    return render_error(
        request,
        status_of(type(error)),
        error.code,
        facts,
        reader=visit.principal.reader if visit is not None else None,
        headers=headers,
        again=again,
    )


def render_error(
    request: web.Request,
    status: int,
    code: str,
    facts: Mapping[str, Any],
    *,
    reader: Reader | None = None,
    headers: dict[str, str] | None = None,
    again: Sequence[tuple[str, str]] = (),
) -> web.Response:
    """The error page for an error's code and facts. ``again``: the fields of a refused form,
    which a button sends again. If load shedding refused a page view, a button loads that page
    again."""
    looks = request.method in ("GET", "HEAD") and status in (429, 503)
    return render_page(
        request,
        "http/error.html",
        status=status,
        reader=reader,
        headers=headers,
        heading=PAGE_NOT_SHOWN if looks else REFUSED_HEADING,
        text=text_of(code, facts),
        look_again=request.path_qs if looks else "",
        code=code,
        again=again,
        request_id=REQUEST_ID.get(),
    )


async def error_page(
    request: web.Request, status: int, code: str, facts: Mapping[str, Any]
) -> web.Response:
    """The error page for a path without a page handler, with the menu for a signed-in reader."""
    try:
        reader = (await _visit(request)).reader
    except DomainError:
        reader = None
    return render_error(request, status, code, facts, reader=reader)
