"""The parts that all responses share: request id, server time and the error format."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic, perf_counter
from typing import Any, Final

from aiohttp import web
from aiohttp.hdrs import CONTENT_ENCODING
from aiohttp.typedefs import Handler

from handlers.http.cached_response import NO_HEADERS, PrebuiltResponse, json_answer
from handlers.http.errors import envelope, error_body, facts_of, status_of
from handlers.http.keys import CLOCK, ERROR_PAGE, LOAD_SHEDDER, METRICS, REFERENCE
from handlers.http.language import language_of
from handlers.http.refusals import count_error
from handlers.http.request_ids import request_id_of
from handlers.http.routing import route_of
from models.kernel.errors import DomainError, UnsupportedMediaType
from models.kernel.request_id import REQUEST_ID
from models.kernel.zone import Zone

log = logging.getLogger(__name__)
NOW: Final = web.RequestKey("now", datetime)
"""The time at which the request arrived, by the service's clock. All rules use this time."""
_NO_PAGES: Final = ("/api/", "/calendar/")
"""Prefixes of paths whose errors are JSON also for browsers: the API, and calendar feeds, whose
secret address would be in a page's links."""
_AT_ONCE_S: Final = 0.001
_NO_TIME, _SECOND = timedelta(0), timedelta(seconds=1)


class _ServerTime:
    """The text of the header X-Server-Time. It is formatted once for each reading of the clock,
    which many requests share, because formatting costs as much as finding a route."""

    def __init__(self) -> None:
        self._second = self._now = datetime.min.replace(tzinfo=UTC)
        self._before = self._behind = self._date = self._text = ""
        self._lines = b""
        self._zone: Zone | None = None

    def text(self, zone: Zone, now: datetime) -> str:
        if now is not self._now or zone is not self._zone:
            self._format(zone, now)
        return self._text

    def lines(self, zone: Zone, now: datetime) -> bytes:
        """The encoded header lines X-Server-Time and Date, ready to be sent."""
        if now is not self._now or zone is not self._zone:
            self._format(zone, now)
        return self._lines

    def _format(self, zone: Zone, now: datetime) -> None:
        if zone is not self._zone or not _NO_TIME <= now - self._second < _SECOND:
            self._zone, self._second = zone, now.replace(microsecond=0)
            text = zone.local(self._second).isoformat()
            self._before, self._behind = text[:19], text[19:]
            self._date = format_datetime(self._second, usegmt=True)
        self._now = now
        self._text = f"{self._before}.{now.microsecond // 1000:03d}{self._behind}"
        self._lines = f"X-Server-Time: {self._text}\r\nDate: {self._date}\r\n".encode()


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})


def common_headers(request: web.Request) -> dict[str, str]:
    """The headers of every response (id, time), for a handler that sends its response itself."""
    return {
        "X-Request-Id": REQUEST_ID.get(),
        "X-Server-Time": _ServerTime().text(request.app[REFERENCE].zone, request.app[CLOCK].now()),
    }


def enveloped(app: web.Application, routes: Iterable[web.RouteDef]) -> list[web.RouteDef]:
    """The routes with wrapped handlers. A wrapper adds the common headers and turns every error
    into the API's format. An aiohttp middleware would cost a tenth of a response from memory."""
    server_time = _ServerTime()
    return [
        web.RouteDef(r.method, r.path, _enveloped(app, r.handler, server_time), r.kwargs)
        for r in routes
    ]


def _enveloped(app: web.Application, handler: Handler, server_time: _ServerTime) -> Handler:
    clock, load, metrics = app[CLOCK], app[LOAD_SHEDDER], app[METRICS]
    reference = app[REFERENCE]
    route = ""

    async def serve(request: web.Request) -> web.StreamResponse:
        nonlocal route
        request_id = request_id_of(request)
        REQUEST_ID.set(request_id)  # aiohttp answers each request in a separate task
        load.request_arrived.set()
        request[NOW] = now = clock.now()
        began = perf_counter()
        try:
            if CONTENT_ENCODING in request.headers:
                raise UnsupportedMediaType(
                    "Content-Encoding", "must not be sent: bodies are uncompressed"
                )
            response = await handler(request)
        except Exception as error:
            response = await _error_response(request, error)
        took = perf_counter() - began
        # A quick response reuses ``now``: reading the clock costs as much as finding the route.
        answered_at = now if took < _AT_ONCE_S else clock.now()
        if isinstance(response, PrebuiltResponse):
            response.set_common_headers(request_id, server_time.lines(reference.zone, answered_at))
        elif response.prepared:
            return response  # a stream, whose headers are sent; its duration is no latency
        else:
            response.headers["X-Request-Id"] = request_id
            response.headers["X-Server-Time"] = server_time.text(reference.zone, answered_at)
            response.headers.setdefault("X-Content-Type-Options", "nosniff")
            response.headers.setdefault("Cache-Control", "no-store")
        status = response.status
        if load.closing or status == 408:
            response.force_close()
            load.last_response_at = monotonic()
        route = route or route_of(request)
        metrics.answered(route, request.method, status, took)
        return response

    return serve


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Removes the server's name from the response. After an unusual method also closes the
    connection, because aiohttp would read the body of a CONNECT as the next request."""
    response.headers.popall("Server", None)
    if request.method not in _METHODS:
        response.force_close()
        response.headers["Connection"] = "close"


async def _error_response(request: web.Request, error: Exception) -> web.StreamResponse:
    match error:
        case DomainError():
            count_error(request, error)
            facts, headers = facts_of(request.app[REFERENCE].zone, error)
            return await _render_error(request, status_of(type(error)), error.code, facts, headers)
        case web.HTTPException():
            return await _http_error(request, error)
        case ConnectionResetError():  # the client has left; the response is not sent
            return envelope(400, "malformed", {"field": "body", "reason": "ended too early"})
        case web.RequestPayloadError():  # malformed chunks
            return envelope(400, "malformed", {"field": "body", "reason": "cannot be read"})
    log.error("request_failed", exc_info=error, extra={"path": request.path})
    return await _render_error(request, 500, "internal", {"request_id": REQUEST_ID.get()})


async def _http_error(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    if error.status < 400:  # the router's own redirect
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    if error.status not in codes:
        return await _render_error(
            request, 400, "malformed", {"field": "request", "reason": error.reason}
        )
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else NO_HEADERS
    return await _render_error(request, error.status, codes[error.status], {}, headers)


async def _render_error(
    request: web.Request,
    status: int,
    code: str,
    facts: dict[str, Any],
    headers: Mapping[str, str] = NO_HEADERS,
) -> web.StreamResponse:
    """The response to an error: JSON for programs, a page for browsers. ``facts``: its details."""
    if "text/html" in request.headers.get("Accept", "") and not request.path.startswith(_NO_PAGES):
        page = await request.app[ERROR_PAGE](request, status, code, facts)
        page.headers.update(headers)
        return page
    body = error_body(code, facts, language_of(request))
    return json_answer(request, status, body, headers)
