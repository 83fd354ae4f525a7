"""``/openapi.json``, made from a table of routes, and ``/docs``, an HTML page without scripts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.http.cached_response import CachedBody
from handlers.http.endpoint import AT_KIOSK, BROWSER, PHONE, Access, Endpoint
from handlers.http.errors import status_of
from handlers.http.schemas import ErrorOut
from handlers.http.templates import render_fragment
from models.identity.entities import SessionKind
from models.identity.errors import (
    NotBound,
    OtherVenue,
    ScopeMissing,
    SecondFactorRequired,
    SignInAgain,
)
from models.kernel.errors import (
    BadOrigin,
    Busy,
    ClockWrong,
    DomainError,
    Forbidden,
    Malformed,
    OutcomeUnknown,
    RequestTimeout,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from models.profile.entities import LibraryProfile
from models.reservations.errors import IDEMPOTENCY

VERSION: Final = "1.0"
# Tags with their descriptions; ``_TAG_OF`` has the tag of each first part of a path.
_TAGS: Final = {
    "identity": "Sessions, binding a WeChat user, consents to subscribe messages",
    "seats": "Venues, areas and seats with their current occupancy",
    "reservations": "Booking, check-in, the waitlist, violations",
    "messages": "Messages to one reader, and the library's notices to everybody",
    "staff": "Work of the library's staff: reservations, reports, appeals, statistics",
    "gates": "Passages through the gates",
    "kiosks": "Kiosk screens: pairing, codes, sign-in by card",
}
_TAG_OF: Final = {
    "wx": "identity",
    "bindings": "identity",
    "scans": "reservations",
    "binding-requests": "identity",
    "activation-codes": "identity",
    "me": "identity",
    "subscriptions": "identity",
    "sessions": "identity",
    "library": "seats",
    "catalog": "seats",
    "public": "seats",
    "forecast": "seats",
    "proposal": "seats",
    "venues": "seats",
    "favourites": "seats",
    "invitations": "reservations",
    "parties": "reservations",
    "rooms": "seats",
    "seasons": "seats",
    "room-bookings": "reservations",
    "past-room-bookings": "reservations",
    "room-invitations": "reservations",
    "areas": "seats",
    "violations": "reservations",
    "waitlist": "reservations",
    "calendar-feed": "reservations",
    "notices": "messages",
    "email-address": "messages",
    "gate": "gates",
    "kiosk-pairings": "kiosks",
    "gate-records": "gates",
}
_CALLERS: Final = {
    Access.ANYONE: "Needs no token.",
    Access.SESSION: "For every session, with or without a bound reader.",
    Access.READER: "For readers.",
    Access.VIEWER: "For staff with at least the role viewer.",
    Access.LIBRARIAN: "For staff with at least the role librarian.",
    Access.KIOSK: "For a kiosk, authenticated by its key in X-Kiosk-Key.",
    Access.GATE: "For a gate, authenticated by a signature of its request (docs/api.md, Gates).",
}

_SESSIONS: Final = {
    PHONE: ("Only from the mini-program.",),
    BROWSER: ("Only from a browser session, opened by campus sign-on.",),
    AT_KIOSK: ("Only from a session opened by a card at this kiosk.",),
}
"""Sentences for the description of a route that accepts only some kinds of session, by kind."""


def document(routes: Sequence[Endpoint], prefix: str, named: Iterable[type] = ()) -> dict[str, Any]:
    """The routes' OpenAPI 3.1 document. ``named``: further types, which no operation uses."""
    shapes = {t for r in routes for t in (r.answer, r.accepted, r.body) if t is not None}
    shapes |= {ErrorOut, *named}
    ordered = sorted(shapes, key=str)
    schemas, components = msgspec.json.schema_components(
        ordered, ref_template="#/components/schemas/{name}"
    )
    refs = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            # ASCII, because code generators derive package names from it.
            "title": "Seat Reservation",
            "version": VERSION,
            "description": "Seat reservation of a university library.",
            "contact": {"name": "The library that runs this service"},
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        # Relative: each library serves the document from its own address.
        "servers": [{"url": "/", "description": "The host that serves this document"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "program": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token with the scope, created by an administrator.",
                },
                "cookie": {"type": "apiKey", "in": "cookie", "name": "seat_sid"},
                "kiosk": {"type": "apiKey", "in": "header", "name": "X-Kiosk-Key"},
                "gate": {"type": "apiKey", "in": "header", "name": "X-Gate-Signature"},
            },
        },
    }


def _operation(route: Endpoint, refs: dict[type, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": _description(route),
        "tags": [_tag(route)],
        "parameters": _parameters(route),
        "responses": _responses(route, refs),
    }
    security: dict[Access, list[dict[str, list[str]]]] = {
        Access.ANYONE: [],
        Access.KIOSK: [{"kiosk": []}],
        Access.GATE: [{"gate": []}],
    }
    ways = ["token"] if route.sessions != BROWSER else []
    ways += ["cookie"] if SessionKind.WEB in route.sessions else []
    operation["security"] = security.get(route.who, [{way: []} for way in ways])
    if route.scope is not None:
        # OpenAPI 3.1 allows required roles for every scheme.
        operation["security"] = [*operation["security"], {"program": [route.scope.value]}]
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": {"application/json": {"schema": refs[route.body]}},
        }
    return operation


def _tag(route: Endpoint) -> str:
    first = route.path.split("/")[1]
    return _TAG_OF.get(first, first)


def _description(route: Endpoint) -> str:
    said = [_CALLERS[route.who], *_SESSIONS.get(route.sessions, ())]
    if route.scope is not None:
        said.append(f"Also for programs with the scope `{route.scope.value}`.")
    if route.idempotent:
        said.append("If no response arrives, repeat the request with the same `Idempotency-Key`.")
    if route.stream:
        shape = route.answer.__name__ if route.answer else ""
        said.append(f"Its main event carries a `{shape}` (docs/api.md).")
    return " ".join(said)


def _parameters(route: Endpoint) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    if "{id}" in route.path:
        schema: dict[str, Any] = {"type": "string", "minLength": 1}
        parameters.append({"name": "id", "in": "path", "required": True, "schema": schema})
    if route.query is not None:
        shape = msgspec.json.schema(route.query)
        properties = next(iter(shape["$defs"].values()))["properties"]
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": _plain(schema)}
            for name, schema in properties.items()
        ]
    if route.idempotent:
        schema = {"type": "string", "pattern": "^[!-~]{1,64}$", "minLength": 1, "maxLength": 64}
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": schema})
        repeat = {"name": "Idempotency-Repeat", "in": "header", "schema": {"enum": ["1"]}}
        parameters.append(
            {
                **repeat,
                "description": "1 if the request was sent before with this key and got no response",
            }
        )
    return parameters


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter's schema without null and default: clients omit the parameter instead."""
    schema = {key: value for key, value in schema.items() if key != "default"}
    if "anyOf" in schema:
        return next(part for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema:
        return {"enum": [value for value in schema["enum"] if value is not None]}
    return schema


def _responses(route: Endpoint, refs: dict[type, dict[str, Any]]) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "OK"}
    if route.answer is not None:
        # The schema is that of one event: OpenAPI 3.1 cannot describe a stream.
        success["content"] = (
            {
                "text/event-stream": {
                    "schema": {"type": "string", "contentSchema": refs[route.answer]}
                }
            }
            if route.stream
            else {"application/json": {"schema": refs[route.answer]}}
        )
    elif route.media:
        success["content"] = {route.media: {"schema": {"type": "string"}}}
    responses = {str(route.status): success}
    if route.accepted is not None:
        responses["202"] = {
            "description": "Accepted; the result is pending",
            "content": {"application/json": {"schema": refs[route.accepted]}},
        }
    if route.cached:
        responses["304"] = {"description": "Unchanged since the ETag in If-None-Match"}
    by_status: dict[int, list[str]] = {}
    for error in (*_shared_errors(route), *route.errors):
        by_status.setdefault(status_of(error), []).append(error.code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = {
            "description": ", ".join(sorted(set(codes))),
            "content": {"application/json": {"schema": refs[ErrorOut]}},
        }
    return responses


def _shared_errors(route: Endpoint) -> list[type[DomainError]]:
    """The errors that every route with this route's access and method can return."""
    changes, staff = route.method != "GET", route.who in (Access.VIEWER, Access.LIBRARIAN)
    errors = [
        Malformed,
        UnsupportedMediaType,
        Throttled,
        Busy,
        Unavailable,
    ]
    if route.who is not Access.ANYONE:
        errors.append(Unauthenticated)
    if route.who not in (Access.ANYONE, Access.KIOSK, Access.GATE):
        kinds = len(route.sessions) + (route.scope is not None)
        everybody = route.who is Access.SESSION and kinds == len(SessionKind)
        errors += [] if everybody else [Forbidden]
        errors += [] if route.scope is None else [ScopeMissing]
        errors += [] if route.who is Access.SESSION else [NotBound]
        errors += [SignInAgain, SecondFactorRequired, OtherVenue] if staff else []
        errors += [BadOrigin] if changes else []
    if changes or route.who is Access.KIOSK:
        errors += [TooLarge, RequestTimeout, ClockWrong]
    if changes and not (staff or route.signs_in):
        errors.append(OutcomeUnknown)
    if route.idempotent:
        errors += IDEMPOTENCY
    return errors


def docs_routes(document: dict[str, Any], prefix: str) -> list[web.RouteDef]:
    """The routes of the OpenAPI document and of its HTML page. This call encodes both."""
    text = msgspec.json.encode(document)
    page = render_fragment(
        "http/api_docs.html", LibraryProfile().clock, document=document, prefix=prefix
    )
    etag = hashlib.sha256(text + page.encode()).hexdigest()[:24]
    json_body, html_body = (
        CachedBody(text, etag),
        CachedBody(page.encode(), etag, "text/html; charset=utf-8"),
    )

    async def as_json(request: web.Request) -> web.StreamResponse:
        return json_body.answer(request)

    async def as_page(request: web.Request) -> web.StreamResponse:
        return html_body.answer(request)

    return [web.get("/openapi.json", as_json), web.get("/docs", as_page)]
