from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from handlers.http.cached_response import header_lines, page_answer
from handlers.http.csrf import new_csrf_token
from handlers.http.keys import REFERENCE, SITE, service_key
from handlers.http.language import language_of
from handlers.http.logo import logo_url
from handlers.http.middleware import NOW
from handlers.http.offline import DEVICE, WORKER_URL
from handlers.http.pieces import Piece, gzipped
from handlers.http.templates import environment_of, render_fragment
from handlers.http.theme import theme_of
from handlers.http.wording import RunningLine
from handlers.texts.pages import DESCRIPTION
from languages.text import Language
from models.kernel.zone import Zone
from models.readers.entities import Reader

FRAGMENT_HEADER: Final = "X-Fragment"
"""Request header by which a page's script loads only the part that changes."""
STAFF: Final = web.RequestKey("staff", bool)
"""Whether the reader works for the library; the menu then links to the console."""

_AT_ONCE: Final = 1 << 18
"""Bytes of a page that are compressed at once, in 2 ms: a thread would cost most pages as much."""
_CLOCK_CHANGES: Final = 3
"""Screens may run for a year without a new page."""


def render_page(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    reader: Reader | None = None,
    headers: dict[str, str] | None = None,
    page_language: Language | None = None,
    **facts: Any,
) -> web.Response:
    """The rendered template, or only its changing part if the request has ``FRAGMENT_HEADER``.
    ``page_language``: by default the reader's."""
    response = web.Response(
        status=status,
        text=_text(request, template, page_language or language_of(request), reader, facts),
        content_type="text/html",
        zlib_executor_size=_AT_ONCE,
    )
    response.headers.update(_security_headers(request.app[SITE].sign_on_origins))
    if headers:
        response.headers.update(headers)
    if _takes_gzip(request):
        response.enable_compression(web.ContentCoding.gzip)
    return response


def render_with(
    request: web.Request,
    template: str,
    piece: Piece | None,
    *,
    status: int = 200,
    reader: Reader,
    **facts: Any,
) -> web.StreamResponse:
    """The page as by ``render_page``, for those that are read most. The piece is put where the
    template has ``{{ piece }}``, without being compressed again."""
    mark = secrets.token_hex(8) if piece is not None else ""
    facts["piece"] = Markup(mark)
    text = _text(request, template, language_of(request), reader, facts)
    before, _, after = text.partition(mark) if mark else (text, "", "")
    parts = before.encode(), piece, after.encode()
    packed = _takes_gzip(request)
    content = gzipped(*parts) if packed else parts[0] + (piece.content if piece else b"") + parts[2]
    return page_answer(request, status, content, *_head(request.app[SITE].sign_on_origins, packed))


@lru_cache(maxsize=256)
def _menu(language: Language, here: str, staff: bool, wechat: bool) -> Markup:
    """The menu on pages of the entry ``here``."""
    facts = {"here": here, "staff": staff, "wechat": wechat}
    return Markup(render_fragment("menu.html", Zone.fixed("UTC", 0), language, **facts))


def _menu_entry(path: str) -> str:
    """The entry of the menu to which the page with this path belongs; the path if to none."""
    if path.startswith("/areas/"):
        return "/"
    return next((entry for entry in ("/reservations", "/me") if path.startswith(entry)), path)


def _takes_gzip(request: web.Request) -> bool:
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _text(
    request: web.Request,
    template: str,
    language: Language,
    reader: Reader | None,
    facts: Mapping[str, Any],
) -> str:
    """The template, rendered with what every page has and with ``facts``."""
    reference = request.app[REFERENCE]
    now = reference.zone.local(request[NOW])
    site, staff = request.app[SITE], request.get(STAFF, False)
    path = request.path.rstrip("/") or "/"
    compiled = environment_of(language, reference.zone).get_template(template)
    return compiled.render(
        title=reference.profile.title,
        description=DESCRIPTION.format(name=reference.profile.name),
        profile=reference.profile,
        catalog=reference.catalog,
        logo=logo_url(reference.profile),
        running_line=request.app[service_key(RunningLine)](reference, now.date()) if reader else "",
        reader=reader,
        csrf=new_csrf_token(request) if reader else "",
        key=secrets.token_hex(8),
        now=now,
        now_ms=int(now.timestamp() * 1000),
        ahead_ms=clock_offsets(reference.zone, now),
        fragment=FRAGMENT_HEADER in request.headers,
        menu=_menu(language, _menu_entry(path), staff, site.wechat) if reader else "",
        path=path,
        this_page=request.path_qs if request.method == "GET" else "/",
        policy=reference.policy,
        staff=staff,
        theme=theme_of(request),
        trial_page=site.trial_page,
        open_to_anybody=site.open_to_anybody,
        wechat=site.wechat,
        used_channels=site.channels,
        device=request.get(DEVICE),
        worker=WORKER_URL,
        **facts,
    )


def clock_offsets(zone: Zone, now: datetime) -> str:
    """For scripts that show a clock: the zone's offset from UTC in milliseconds, then the next
    clock changes as milliseconds since 1970, each followed by the offset after it."""
    numbers = [_ms(zone.local(now))]
    for change in zone.next_changes(now)[:_CLOCK_CHANGES]:
        numbers += int(change.timestamp() * 1000), _ms(zone.local(change))
    return " ".join(map(str, numbers))


def _ms(local: datetime) -> int:
    offset = local.utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


def _security_headers(sign_on_origins: tuple[str, ...]) -> dict[str, str]:
    forms_go_to = ("'self'", *sign_on_origins)
    return {
        # Signing out is a form whose response redirects to the campus's sign-on, and browsers
        # apply form-action to redirects too.
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; manifest-src 'self'; worker-src 'self'; "
        "base-uri 'none'; "
        "frame-ancestors 'none'; "
        f"form-action {' '.join(forms_go_to)}",
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Vary": f"{FRAGMENT_HEADER}, Accept-Encoding, Accept-Language, Cookie",
    }


@lru_cache(maxsize=8)
def _head(sign_on_origins: tuple[str, ...], packed: bool) -> tuple[dict[str, str], bytes]:
    """The headers of a page, and the same encoded."""
    headers = {"Content-Type": "text/html; charset=utf-8", **_security_headers(sign_on_origins)}
    if packed:
        headers["Content-Encoding"] = "gzip"
    return headers, header_lines(headers)
