"""The name of a request's path, and the route that answers paths which are not known."""

from __future__ import annotations

from typing import Final

from aiohttp import web

_UNKNOWN: Final = "/{unknown}"


def route_of(request: web.Request) -> str:
    """The path of the request's route, as it was declared; ``-`` where it is not known."""
    resource = request.match_info.route.resource
    known = resource is not None and resource.canonical != _UNKNOWN
    return resource.canonical if resource is not None and known else "-"


def everything_else() -> web.RouteDef:
    """The route of all other paths. To be added last."""
    return web.route("*", _UNKNOWN.replace("}", ":.*}"), _refuse)


async def _refuse(request: web.Request) -> web.StreamResponse:
    """Raises: HTTPMethodNotAllowed where the path takes other methods, else HTTPNotFound."""
    this, allowed = request.match_info.route.resource, set[str]()
    for resource in request.app.router.resources():
        if resource is not this:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, allowed)
    raise web.HTTPNotFound()
