"""The declaration of an API operation, and the steps in which all operations run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache, partial
from typing import Any, Final, TypeVar, get_origin, get_type_hints

import msgspec
from aiohttp import web

from handlers.http import schemas
from handlers.http.authentication import (
    BOOKINGS,
    WRITES,
    bound_reader,
    channel_of,
    client_address,
    enforce_rate_limit,
    identify,
    pace_program,
    recognise,
    require_clock,
    require_role,
    session_id,
)
from handlers.http.cached_response import json_answer
from handlers.http.deadline import ANSWER_WITHIN_S, read_within
from handlers.http.keys import LOAD_SHEDDER, REFERENCE, service_key
from handlers.http.language import language_of
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.public_reads import read_in_public
from handlers.http.request_body import ANONYMOUS_BODY_BYTES, MAX_BODY_BYTES, read_body
from handlers.http.request_parsing import parse_body, parse_query
from languages.text import Language
from models.identity.api_tokens import ApiToken, Scope
from models.identity.entities import Principal, SessionKind
from models.identity.errors import ScopeMissing
from models.identity.roles import Role
from models.kernel.errors import DomainError, Forbidden, Malformed
from models.kernel.ids import Actor
from models.kernel.zone import Zone
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader, onlooker

Value = TypeVar("Value")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")


class Access(Enum):
    """The callers that a route accepts. ``SESSION``: any session, even one not bound to a
    reader. ``READER``: a bound session. ``VIEWER``, ``LIBRARIAN``: a web session with this staff
    role. ``KIOSK``: a screen with its kiosk's key. ``GATE``: a gate that signs its requests."""

    ANYONE = "anyone"
    SESSION = "session"
    READER = "reader"
    VIEWER = "viewer"
    LIBRARIAN = "librarian"
    KIOSK = "kiosk"
    GATE = "gate"


@dataclass(slots=True)  # a frozen one takes three times as long to make
class ApiRequest:
    """A request to the API as an operation gets it, with its identified caller. ``now``: when
    the request arrived. ``principal``: None for a route without a session."""

    request: web.Request
    app: web.Application
    """The application, kept here because each access to ``request.app`` costs a search."""
    now: datetime
    principal: Principal | None
    body: bytes = b""

    def __getitem__(self, key: web.AppKey[Value] | type[Value]) -> Value:
        """The application's service of this class, or the value under an ``AppKey``."""
        return self.app[service_key(key) if isinstance(key, type) else key]

    @property
    def zone(self) -> Zone:
        return self.app[REFERENCE].zone

    @property
    def reader(self) -> Reader:
        assert self.principal is not None
        return bound_reader(self.principal)

    @property
    def program(self) -> ApiToken | None:
        """The API token of the calling program; None if a person calls."""
        return self.principal.program if self.principal is not None else None

    @property
    def viewer(self) -> Reader:
        """The bound reader, or an anonymous onlooker in an unbound session."""
        assert self.principal is not None
        return self.principal.reader or onlooker(self.principal.session.id)

    @property
    def id(self) -> str:
        return self.request.match_info["id"]

    def context(self, digest: str = "") -> RequestContext:
        """The context for calls of services, with the request's idempotency key if it has one.
        ``digest``: the hash of the request's body."""
        assert self.principal is not None
        return RequestContext(
            self.reader,
            Actor("reader", channel_of(self.principal)),
            self.now,
            self.key(digest),
            self.step_aside,
        )

    @property
    def step_aside(self) -> Callable[[], AbstractContextManager[None]]:
        """A function that returns a context manager. While its block runs, the request gives up
        its place in the queue of changes, and another change may take this place."""
        return self.app[LOAD_SHEDDER].door.step_aside

    def key(self, digest: str) -> IdempotencyKey | None:
        """The request's idempotency key; None if it has none. ``digest``: the hash of the
        request's body, to which the key is tied. Raises: Malformed."""
        headers = self.request.headers
        value, repeated = headers.get("Idempotency-Key"), "Idempotency-Repeat" in headers
        if value is None:
            return None
        return key_of(value, self.request.path, digest, repeated=repeated)


def key_of(value: str, path: str, digest: str, *, repeated: bool) -> IdempotencyKey:
    """The idempotency key with the text ``value``, tied to the path and to the body's
    ``digest``: a use of the key with another path or body is refused. ``repeated``: the client
    has sent the request before and got no response. Raises: Malformed."""
    if not _KEY.fullmatch(value):
        raise Malformed("Idempotency-Key", "must be 1 to 64 visible ASCII characters")
    return IdempotencyKey(value, hashlib.sha256(f"{path}\0{digest}".encode()).hexdigest(), repeated)


Operation = Callable[..., Awaitable[Any]]
PHONE: Final = frozenset({SessionKind.WX})
BROWSER: Final = frozenset({SessionKind.WEB})
AT_KIOSK: Final = frozenset({SessionKind.KIOSK})
_OWN_DEVICES: Final = BROWSER | PHONE
ROLES: Final = {Access.VIEWER: Role.VIEWER, Access.LIBRARIAN: Role.LIBRARIAN}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One API route. The operation's signature names the types of its ``body`` or ``query`` (the
    second argument) and of its response.

    ``who``: the callers that the route accepts. ``sessions``: the kinds of session, by default
    browser and phone, for staff the browser only; ``at_kiosk`` adds a card's session at a kiosk.
    ``scope``: the scope that a program's API token needs; None keeps programs out.
    ``audited``: the operation writes an entry in the audit log.
    ``answer``: the response's type, if the operation returns a whole response or one of two types.
    ``accepted``: the second type, sent with 202 for a request that takes effect later.
    ``status``: by default 200, or 204 without a response body.
    ``media``: the content type of a text response.
    ``stream``: the response is an event stream; ``answer`` is the data of its main event.
    ``cached``: the response has an ETag, and is 304 if the client's copy is current.
    ``takes_seat``: each call counts against the limit ``BOOKINGS``.
    ``signs_in``: the operation waits for WeChat or the mail server, so it has a separate queue.
    ``verify_before_parsing`` runs before the body is parsed (a machine's signature).
    ``errors``: the errors of this route beside those that all routes of its kind share.
    """

    operation: Operation
    method: str
    path: str
    summary: str
    who: Access = Access.READER
    _: KW_ONLY
    sessions: frozenset[SessionKind] = _OWN_DEVICES
    at_kiosk: bool = False
    scope: Scope | None = None
    audited: bool = False
    answer: type | None = None
    accepted: type | None = None
    status: int = 0
    body_optional: bool = False
    media: str = ""
    idempotent: bool = False
    stream: bool = False
    cached: bool = False
    takes_seat: bool = False
    signs_in: bool = False
    verify_before_parsing: Callable[[ApiRequest], Awaitable[None]] | None = None
    errors: tuple[type[DomainError], ...] = ()
    body: type | None = field(init=False)
    query: type | None = field(init=False)
    returns_response: bool = field(init=False)
    """Whether the operation always returns a complete response, which is sent without encoding."""

    def __post_init__(self) -> None:
        shapes = get_type_hints(self.operation)
        returned = shapes["return"]
        object.__setattr__(self, "returns_response", returned is web.StreamResponse)
        if issubclass(get_origin(returned) or returned, msgspec.Struct):
            object.__setattr__(self, "answer", returned)
        if not self.status:
            object.__setattr__(self, "status", 200 if self.answer or self.media else 204)
        if self.at_kiosk:
            object.__setattr__(self, "sessions", self.sessions | AT_KIOSK)
        if self.who in ROLES:
            object.__setattr__(self, "sessions", BROWSER)
        object.__setattr__(self, "body", shapes.get("body"))
        object.__setattr__(self, "query", shapes.get("query"))

    @property
    def name(self) -> str:
        """The operationId: ``reservations.create``, or ``staff.create`` in a ``staff_api``."""
        _, feature, module = self.operation.__module__.split(".")
        return f"{'staff' if module == 'staff_api' else feature}.{self.operation.__name__}"


def handler(route: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A route's aiohttp handler. It reads the body, waits in the queue, identifies the caller,
    applies rate limits, parses the body, calls the operation, and encodes the result."""
    if route.method == "GET" and route.who is Access.ANYONE:
        return _public_handler(route)
    return (
        _read_handler(route)
        if route.method == "GET" and _identified(route)
        else _write_handler(route)
    )


def _identified(route: Endpoint) -> bool:
    return route.who not in (Access.ANYONE, Access.KIOSK, Access.GATE)


def _read_handler(route: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    empty_query = msgspec.convert({}, route.query) if route.query is not None else None
    present, role = _presenter(route), ROLES.get(route.who)

    async def answer(request: web.Request) -> web.StreamResponse:
        app = request.app
        admission = app[LOAD_SHEDDER]
        admission.begin_read()
        looking = True
        try:
            now = request[NOW]
            cached = recognise(request, app, now) if role is None else None
            if cached is not None and cached.program is None:
                principal = cached
                _allow(principal, route)
            else:
                principal = await _admit(request, route, role, now)
            if principal.program is None:
                reader = principal.reader
                raise_if_limited(
                    admission.reads.wait_for(reader.id if reader else principal.session.id)
                )
            call = ApiRequest(request, app, now, principal)
            if route.query is None:
                return present(request, await route.operation(call))
            query = parse_query(request, route.query) if request.query_string else empty_query
            if route.stream:
                admission.end_read()  # an open stream counts as no read
                looking = False
            return present(request, await route.operation(call, query))
        finally:
            if looking:
                admission.end_read()

    def look(request: web.Request) -> Awaitable[web.StreamResponse]:
        return read_within(ANSWER_WITHIN_S, answer(request))

    # The console's long lists may take longer; a route that programs also call has the limit.
    patient = role is not None and route.scope is None
    return answer if route.stream or patient else look


def _public_handler(route: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The handler of a route that needs no session; its rate is limited by client address only."""
    assert route.query is not None
    query, present = route.query, _presenter(route)

    async def answer(request: web.Request) -> web.StreamResponse:
        call = ApiRequest(request, request.app, request[NOW], None)
        return present(request, await route.operation(call, parse_query(request, query)))

    async def look(request: web.Request) -> web.StreamResponse:
        return await read_in_public(request, partial(answer, request))

    return look


def _write_handler(route: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(route.body or schemas.EmptyRequest)
    present = _presenter(route)
    bucket = BOOKINGS if route.takes_seat else WRITES
    judges = route.method != "GET" or route.who is Access.KIOSK
    identified = _identified(route)
    unsigned = route.who in (Access.ANYONE, Access.KIOSK)
    max_bytes = ANONYMOUS_BODY_BYTES if unsigned else MAX_BODY_BYTES

    # No time limit for sign-ins, which wait for WeChat, and for the staff's long lists.
    role = ROLES.get(route.who)
    patient = route.signs_in or role is not None

    async def change(request: web.Request) -> web.StreamResponse:
        admission, id = request.app[LOAD_SHEDDER], ""
        if not route.signs_in:
            admission.door.raise_if_full()
        if identified:
            id = session_id(request)
        else:
            raise_if_limited(admission.addresses.wait_for(client_address(request)))
        if judges:
            require_clock(request)
        raw = await read_body(request, max_bytes)
        work = answer(request, raw, id)
        if route.method == "GET":
            return await read_within(ANSWER_WITHIN_S, work)
        return await (work if patient else admission.changes.within(ANSWER_WITHIN_S, work))

    async def answer(request: web.Request, raw: bytes, id: str) -> web.StreamResponse:
        app = request.app
        admission = app[LOAD_SHEDDER]
        async with admission.wechat_sign_ins if route.signs_in else admission.door:
            now, principal = request[NOW], None
            if identified:
                principal = await _admit(request, route, role, now, id)
                if principal.program is None:
                    reader = principal.reader
                    await enforce_rate_limit(
                        request, bucket, reader.id if reader else principal.session.id
                    )
            call = ApiRequest(request, app, now, principal, raw)
            if route.verify_before_parsing is not None:
                await route.verify_before_parsing(call)
            if route.body is not None:
                body = parse_body(raw, decoder, optional=route.body_optional)
                return present(request, await route.operation(call, body))
            if raw.strip():
                parse_body(raw, decoder, optional=route.body_optional)
            return present(request, await route.operation(call))

    return change


def _presenter(route: Endpoint) -> Callable[[web.Request, Any], web.StreamResponse]:
    if route.returns_response:
        return _as_it_is

    def present(request: web.Request, result: Any) -> web.StreamResponse:
        if isinstance(result, web.StreamResponse):
            return result
        if result is None:
            return web.Response(status=route.status)
        accepted = route.accepted is not None and isinstance(result, route.accepted)
        content = _encoder(language_of(request)).encode(result)
        return json_answer(request, 202 if accepted else route.status, content)

    return present


@cache
def _encoder(language: Language) -> msgspec.json.Encoder:
    return msgspec.json.Encoder(enc_hook=language.say)


def _as_it_is(_: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    return response


async def _admit(
    request: web.Request, route: Endpoint, role: Role | None, now: datetime, id: str = ""
) -> Principal:
    """The caller, identified and admitted to the route. ``role``: the staff role that a person
    needs. ``id``: the ``session_id``, if already known. Raises: Throttled for a program; errors
    of ``identify``, ``_allow`` and ``require_role``."""
    principal = await identify(request, now, id)
    if principal.program is not None:
        await pace_program(request, principal.program, now)
    _allow(principal, route)
    if role is not None and principal.program is None:
        await require_role(request, principal, role, now)
    return principal


def _allow(principal: Principal, route: Endpoint) -> None:
    """Checks that the route accepts this caller. Raises: NotBound, Forbidden; ScopeMissing for a
    program whose token lacks the scope."""
    if principal.program is not None:
        if route.scope is None:
            raise Forbidden()
        if route.scope not in principal.program.scopes:
            raise ScopeMissing(scope=route.scope.value)
        return
    if route.who is not Access.SESSION:
        bound_reader(principal)
    if principal.session.kind not in route.sessions:
        raise Forbidden()
