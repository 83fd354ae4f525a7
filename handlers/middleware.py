"""What every answer gets: a request id, the server's time, and one shape of error."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from time import perf_counter
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from handlers.errors import answer, envelope
from handlers.services import SERVICES
from models.errors import ServiceError
from models.timerange import local

log = logging.getLogger(__name__)

REQUEST_ID: Final = web.RequestKey("request_id", str)
_GIVEN_ID: Final = re.compile(r"[0-9A-Za-z._-]{1,64}")


@web.middleware
async def envelope_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every request is answered in the contract's shape, whatever happens behind."""
    services = request.app[SERVICES]
    given = request.headers.get("X-Request-Id", "")
    request_id = given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
    request[REQUEST_ID] = request_id
    began = perf_counter()
    response = await _answered(request, handler, request_id)
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Server-Time"] = local(services.now()).isoformat(timespec="milliseconds")
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "-"
    services.metrics.requests.labels(route, request.method, str(response.status)).observe(
        perf_counter() - began
    )
    return response


async def _answered(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except ServiceError as error:
        request.app[SERVICES].metrics.refusals.labels(error.code).inc()
        return answer(error)
    except web.HTTPException as error:
        return _http_error(error)
    except ConnectionResetError:  # the client has gone; nobody reads this
        return envelope(400, "malformed", {"field": "body", "reason": "cut off"})
    except web.RequestPayloadError:  # what is sent as gzip, say, and is none
        return envelope(400, "malformed", {"field": "body", "reason": "cannot be read"})
    except asyncio.CancelledError:
        raise
    except Exception:
        log.exception("request_failed", extra={"request_id": request_id, "path": request.path})
        return envelope(500, "internal", {"request_id": request_id})


def _http_error(error: web.HTTPException) -> web.StreamResponse:
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
    if error.status < 400:  # the router's own redirect
        return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
    if error.status not in codes:
        return envelope(400, "malformed", {"field": "request", "reason": error.reason})
    allow = error.headers.get("Allow")
    headers = {"Allow": allow} if allow else None
    return envelope(error.status, codes[error.status], {}, headers)
