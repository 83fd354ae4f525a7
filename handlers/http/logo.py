from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from models.profile.entities import LibraryProfile


def logo_url(profile: LibraryProfile) -> str:
    """The logo's path; empty if the library has none."""
    return f"/logo/{profile.logo_name}" if profile.logo else ""


async def logo(request: web.Request) -> web.Response:
    """The library's logo, cached by browsers for ever under its name. Another name gets an
    uncached 404: it may name a new logo, of which a worker learns some seconds late."""
    profile = request.app[REFERENCE].profile
    if not profile.logo or request.match_info["name"] != profile.logo_name:
        raise web.HTTPNotFound(headers={"Cache-Control": "no-store"})
    return web.Response(
        body=profile.logo,
        content_type="image/png",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable",
            "ETag": f'"{profile.logo_name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
