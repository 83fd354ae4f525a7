"""我的数据: what is kept of the reader, a copy of it, and an end of it."""

from __future__ import annotations

import json
from collections.abc import Sized
from typing import Final

from aiohttp import web

from handlers.http.cookies import forget_session_cookie
from handlers.http.forms import Form
from handlers.http.pages import PageRequest
from handlers.http.rendering import render_page
from handlers.keys import OWN_DATA
from handlers.texts.pages import ERASURE_TEXT, KEPT_TEXT

_FILE: Final = "my-seat-data.json"


async def own_data(visit: PageRequest) -> web.StreamResponse:
    """What is kept of the reader, in numbers, and what can be done with it."""
    own, works_here = visit[OWN_DATA], visit.role is not None
    found = await own.export(visit.reader.id)
    obstacle = await own.obstacle(visit.reader, works_here, visit.now)
    return render_page(
        visit.request,
        "accounts/own_data.html",
        reader=visit.reader,
        kept=[(text, _count(found, names)) for names, text in KEPT_TEXT.items()],
        obstacle=ERASURE_TEXT[obstacle.value] if obstacle is not None else "",
    )


def _count(found: dict[str, list[dict[str, object]]], names: str) -> int:
    lists: list[Sized] = [found.get(name, []) for name in names.split()]
    return sum(map(len, lists))


async def download(visit: PageRequest) -> web.StreamResponse:
    """All of it as a file."""
    found = await visit[OWN_DATA].export(visit.reader.id)
    return web.Response(
        text=json.dumps(found, ensure_ascii=False, indent=1, default=str),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{_FILE}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def ask(visit: PageRequest) -> web.StreamResponse:
    """What goes and what stays, before it goes."""
    obstacle = await visit[OWN_DATA].obstacle(visit.reader, visit.role is not None, visit.now)
    return render_page(
        visit.request,
        "accounts/erase.html",
        reader=visit.reader,
        obstacle=ERASURE_TEXT[obstacle.value] if obstacle is not None else "",
    )


async def erase(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Forgotten, and signed out everywhere. Raises: ErasureNotNow."""
    await visit[OWN_DATA].erase(visit.reader, visit.role is not None, visit.now)
    response = render_page(visit.request, "accounts/erased.html")
    forget_session_cookie(visit.request, response)
    return response
