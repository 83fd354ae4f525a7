"""One operation of the API: how it is declared, and the one way in which all of them are run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from enum import Enum
from functools import partial
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
from handlers.http.keys import LOAD_SHEDDER, service_key
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.middleware import NOW
from handlers.http.public_reads import read_in_public
from handlers.http.request_body import ANONYMOUS_BODY_BYTES, MAX_BODY_BYTES, read_body
from handlers.http.request_parsing import parse_body, parse_query
from models.identity.api_tokens import ApiToken, Scope
from models.identity.entities import Principal, SessionKind
from models.identity.errors import ScopeMissing
from models.identity.roles import Role
from models.kernel.errors import DomainError, Forbidden, Malformed
from models.kernel.ids import Actor
from models.readers.context import IdempotencyKey, RequestContext
from models.readers.entities import Reader, onlooker

Value = TypeVar("Value")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")


class Access(Enum):
    """Who may call. ``ANYONE`` needs no token, ``SESSION`` one, bound to a reader or not; a kiosk
    shows its key, a gate signs. The staff's are roles of a web session."""

    ANYONE = "anyone"
    SESSION = "session"
    READER = "reader"
    VIEWER = "viewer"
    LIBRARIAN = "librarian"
    KIOSK = "kiosk"
    GATE = "gate"


@dataclass(slots=True)  # a frozen one takes three times as long to make
class ApiRequest:
    """One request, identified and with its time."""

    request: web.Request
    app: web.Application
    """The request's, which it has to look for each time."""
    now: datetime
    principal: Principal | None
    body: bytes = b""
    """As it was sent."""

    def __getitem__(self, key: web.AppKey[Value] | type[Value]) -> Value:
        """The application's service of this class, or what it holds under a key."""
        return self.app[service_key(key) if isinstance(key, type) else key]

    @property
    def reader(self) -> Reader:
        assert self.principal is not None
        return bound_reader(self.principal)

    @property
    def program(self) -> ApiToken | None:
        """By what token a program asks; None where a person does."""
        return self.principal.program if self.principal is not None else None

    @property
    def viewer(self) -> Reader:
        """Through whose eyes it is looked: the reader's, or in an unbound session nobody's."""
        assert self.principal is not None
        return self.principal.reader or onlooker(self.principal.session.id)

    @property
    def id(self) -> str:
        return self.request.match_info["id"]

    def context(self, digest: str = "") -> RequestContext:
        """Who asks the use cases, with the idempotency key where the request carries one."""
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
        """Gives the request's place to another one for as long as it waits."""
        return self.app[LOAD_SHEDDER].door.step_aside

    def key(self, digest: str) -> IdempotencyKey | None:
        """The idempotency key that the request carries, for a body with that digest. Raises:
        Malformed."""
        headers = self.request.headers
        value, repeated = headers.get("Idempotency-Key"), "Idempotency-Repeat" in headers
        if value is None:
            return None
        return key_of(value, self.request.path, digest, repeated=repeated)


def key_of(value: str, path: str, digest: str, *, repeated: bool) -> IdempotencyKey:
    """The key for one request: the same key with another path or body is refused. ``repeated``: the
    client has sent it before, and had no answer.

    Raises: Malformed.
    """
    if not _KEY.fullmatch(value):
        raise Malformed("Idempotency-Key", "1 to 64 visible ASCII characters")
    return IdempotencyKey(value, hashlib.sha256(f"{path}\0{digest}".encode()).hexdigest(), repeated)


Operation = Callable[..., Awaitable[Any]]
PHONE: Final = frozenset({SessionKind.WX})
BROWSER: Final = frozenset({SessionKind.WEB})
AT_KIOSK: Final = frozenset({SessionKind.KIOSK})
_OWN_DEVICES: Final = BROWSER | PHONE
ROLES: Final = {Access.VIEWER: Role.VIEWER, Access.LIBRARIAN: Role.LIBRARIAN}
"""The role of a web session that a route for the staff asks for."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One line of the contract. The operation's signature names the shapes: the ``body`` or the
    ``query`` that it gets after the call, and the answer that it returns.

    ``who`` may call it, from which ``sessions``: a browser's and a phone's unless they are given,
    and also that of a card at a kiosk where it is open ``at_kiosk``; for the staff a browser's.
    ``scope``: what a program's token has to be good for; without it no program may call.
    ``audited``: the audit log has an entry of what it does.
    ``answer`` is given for an operation that returns a whole response or one of two answers.
    ``accepted`` is the other answer, with 202: it was taken in, and counts later.
    ``status`` is 200, and 204 without an answer, unless it is given.
    ``media``: the answer is text of that type and no JSON.
    ``stream``: the answer is an event stream, and ``answer`` the data of its main event.
    ``cached``: the answer has an ETag, and is 304 for who has it.
    ``takes_seat``: it takes a seat, which everybody wants in the same moment.
    ``signs_in``: it waits for WeChat or the mail server, in a queue of its own.
    ``verify_before_parsing`` runs before the body is parsed (a machine's signature).
    ``errors``: those of its own, beside the ones that all routes of its kind share.
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
    """The operation makes the response itself, always."""

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
        """Feature and function: ``reservations.create``; ``staff.…`` for those of ``staff_api``."""
        _, feature, module = self.operation.__module__.split(".")
        return f"{'staff' if module == 'staff_api' else feature}.{self.operation.__name__}"


def handler(route: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Read, let in, identify, pace, parse, call, present."""
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
    nothing_asked = msgspec.convert({}, route.query) if route.query is not None else None
    present, role = _presenter(route), ROLES.get(route.who)

    async def answer(request: web.Request) -> web.StreamResponse:
        app = request.app
        admission = app[LOAD_SHEDDER]
        admission.begin_read()
        looking = True
        try:
            now = request[NOW]
            known = recognise(request, app, now) if role is None else None
            if known is not None and known.program is None:
                principal = known
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
            asked = parse_query(request, route.query) if request.query_string else nothing_asked
            if route.stream:
                admission.end_read()  # from now on it is nobody's turn
                looking = False
            return present(request, await route.operation(call, asked))
        finally:
            if looking:
                admission.end_read()

    def look(request: web.Request) -> Awaitable[web.StreamResponse]:
        return read_within(ANSWER_WITHIN_S, answer(request))

    # The console has long lists; a program and whoever does the same are told in time.
    patient = role is not None and route.scope is None
    return answer if route.stream or patient else look


def _public_handler(route: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """For everybody: paced by the address alone."""
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

    # Whoever waits for WeChat is told what it says; the library's people have long lists.
    role = ROLES.get(route.who)
    patient = route.signs_in or role is not None

    async def change(request: web.Request) -> web.StreamResponse:
        admission, id = request.app[LOAD_SHEDDER], ""
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
    encoder = msgspec.json.Encoder()

    def present(request: web.Request, result: Any) -> web.StreamResponse:
        if isinstance(result, web.StreamResponse):
            return result
        if result is None:
            return web.Response(status=route.status)
        accepted = route.accepted is not None and isinstance(result, route.accepted)
        return json_answer(request, 202 if accepted else route.status, encoder.encode(result))

    return present


def _as_it_is(_: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    return response


async def _admit(
    request: web.Request, route: Endpoint, role: Role | None, now: datetime, id: str = ""
) -> Principal:
    """The principal behind the request, who may make it: a program at its pace, a person with the
    ``role`` that it takes. Raises: as ``identify``, ``_allow`` and ``require_role``; Throttled."""
    principal = await identify(request, now, id)
    if principal.program is not None:
        await pace_program(request, principal.program, now)
    _allow(principal, route)
    if role is not None and principal.program is None:
        await require_role(request, principal, role, now)
    return principal


def _allow(principal: Principal, route: Endpoint) -> None:
    """Raises: NotBound, Forbidden; ScopeMissing of a program."""
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
