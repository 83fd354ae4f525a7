"""The library's logo, under a name that carries its content's hash."""

from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from models.profile.entities import LibraryProfile


def logo_url(profile: LibraryProfile) -> str:
    """Where the logo is found; empty where the library has none of its own."""
    return f"/logo/{profile.logo_name}" if profile.logo else ""


async def logo(request: web.Request) -> web.Response:
    """The logo that is shown now. Where another worker has a newer one, this one has it in a few
    seconds, and nobody keeps what it says until then."""
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
