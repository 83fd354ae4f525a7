from __future__ import annotations

from typing import Final

from aiohttp import web

_UNKNOWN: Final = "/{unknown}"


def route_of(request: web.Request) -> str:
    """The declared path of the request's route; ``-`` for an unknown path."""
    resource = request.match_info.route.resource
    declared = resource is not None and resource.canonical != _UNKNOWN
    return resource.canonical if resource is not None and declared else "-"


def everything_else() -> web.RouteDef:
    """The route that answers all paths without a route. It must be added after all others."""
    return web.route("*", _UNKNOWN.replace("}", ":.*}"), _refuse)


async def _refuse(request: web.Request) -> web.StreamResponse:
    """Answers a request to no declared route. Raises: HTTPMethodNotAllowed if the path takes
    other methods, otherwise HTTPNotFound."""
    this, allowed = request.match_info.route.resource, set[str]()
    for resource in request.app.router.resources():
        if resource is not this:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound()
