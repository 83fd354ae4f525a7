"""The page that a browser shows where there is no network, and the worker that keeps it there. The
page is the same for everybody, in all languages; its script fills in the pass that the browser
keeps."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from handlers.http.static_files import asset_text
from handlers.http.templates import render_fragment
from languages.catalogue import LANGUAGES
from models.kernel.zone import Zone


@dataclass(slots=True)
class DeviceCopy:
    """The copy of the reader's pass that the browser may keep. ``session``: the public id of the
    session if its reader has chosen to stay signed in, otherwise empty: nothing is kept."""

    session: str = ""
    is_known: bool = False
    """Whether the page says how the pass stands. Other pages leave the copy as it is."""
    facts: dict[str, Any] | None = None
    """The pass; None if the reader has none."""


DEVICE: Final = web.RequestKey("device", DeviceCopy)
"""The copy of the pass for the browser of this request. It is missing where it is not known whose
browser it is, because the request was refused before."""


def _page() -> str:
    utc = Zone.fixed("UTC", 0)
    return render_fragment(
        "http/offline.html",
        utc,
        words="".join(
            render_fragment("http/offline_words.html", utc, language)
            for language in LANGUAGES.values()
        ),
        style=_STYLE,
        script=_SCRIPT,
    )


def _hash_source(content: str) -> str:
    """The source expression of a Content-Security-Policy that permits this style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


_STYLE, _SCRIPT = asset_text("offline.css"), asset_text("offline.js")
_PAGE: Final = _page()
_VERSION: Final = hashlib.sha256(f"{_PAGE}{asset_text('sw.js')}".encode()).hexdigest()[:10]
_WORKER: Final = f'const PAGE = "/offline/{_VERSION}";\n{asset_text("sw.js")}'
WORKER_URL: Final = f"/sw.js?v={_VERSION}"
_FOREVER: Final = "public, max-age=31536000, immutable"


def offline_routes() -> list[web.RouteDef]:
    return [web.get("/sw.js", _worker), web.get("/offline/{version}", _offline_page)]


async def _worker(request: web.Request) -> web.Response:
    """The worker's script. Its name has the version, so a browser asks for it once a version and
    not for each page; under the name of another version, which a worker of this service that
    starts anew may have, it is revalidated."""
    is_this = request.query.get("v") == _VERSION
    return web.Response(
        text=_WORKER,
        content_type="text/javascript",
        headers={
            "Cache-Control": _FOREVER if is_this else "no-cache",
            "Content-Security-Policy": "default-src 'none'; connect-src 'self'",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _offline_page(request: web.Request) -> web.Response:
    if request.match_info["version"] != _VERSION:
        raise web.HTTPNotFound
    return web.Response(
        text=_PAGE,
        content_type="text/html",
        headers={
            "Cache-Control": _FOREVER,
            "Content-Security-Policy": f"default-src 'none'; style-src {_hash_source(_STYLE)}; "
            f"script-src {_hash_source(_SCRIPT)}; img-src data:; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        },
    )
