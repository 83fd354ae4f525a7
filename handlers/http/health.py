from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from handlers.http.authentication import client_address, is_among
from handlers.http.keys import HEALTH, MEASURE, METRICS, RELEASES, SITE
from models.kernel.errors import Forbidden


def kind_of_trouble(name: str) -> str:
    """The kind of a trouble that the readiness check reports: kiosks of ``outages.kiosks:main``,
    jobs of ``jobs.deliver``."""
    return name.removeprefix("outages.").split(".")[0].split(":")[0]


def standing(ready: bool, troubles: Mapping[str, str]) -> dict[str, object]:
    """The answer of a readiness check in words: ready, degraded or not_ready, and the troubles."""
    status = "not_ready" if not ready else "degraded" if troubles else "ready"
    return {"status": status, "troubles": troubles}


def health_routes() -> list[web.RouteDef]:
    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]


async def healthz(_: web.Request) -> web.Response:
    """Liveness: answers as long as the event loop runs."""
    return _json(200, {"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Readiness: 503 without MongoDB, else 200. Lists troubles such as a hanging job or a
    missing Redis. Only for clients in the networks ``monitors``. Raises: Forbidden."""
    _for_monitors(request)
    ready, troubles = await request.app[HEALTH]()
    said: dict[str, object] = standing(ready, troubles)
    said["versions"] = await request.app[RELEASES]()
    return _json(200 if ready else 503, said)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus metrics, only for clients in the networks ``monitors``. Raises: Forbidden."""
    _for_monitors(request)
    await request.app[MEASURE]()
    return web.Response(
        body=await asyncio.to_thread(request.app[METRICS].exposition),
        headers={"Content-Type": CONTENT_TYPE_LATEST},
    )


def _for_monitors(request: web.Request) -> None:
    # Behind a proxy that TRUSTED_PROXIES does not name, the client's address is unknown.
    hidden = "X-Forwarded-For" in request.headers and not request.app[SITE].trusted_proxies
    if hidden or not is_among(client_address(request), request.app[SITE].monitors):
        raise Forbidden()


def _json(status: int, body: dict[str, object]) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )
