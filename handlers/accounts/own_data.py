"""我的数据: the reader's stored data, its export and its erasure."""

from __future__ import annotations

import json
from typing import Final

from aiohttp import web

from handlers.http.cookies import forget_session_cookie, note_erasure
from handlers.http.forms import Form
from handlers.http.pages import PageRequest
from handlers.http.rendering import render_page
from handlers.texts.pages import ERASURE_TEXT, KEPT_TEXT, STAY_STARTS
from models.erasure.own_data import OwnData

_FILE: Final = "my-seat-data.json"


async def own_data(visit: PageRequest) -> web.StreamResponse:
    """Shows how many records of each kind are stored about the reader."""
    export = await visit[OwnData].export(visit.reader.id)
    return render_page(
        visit.request,
        "accounts/own_data.html",
        reader=visit.reader,
        kept=[
            (text, sum(len(export[name]) for name in names.split()))
            for names, text in KEPT_TEXT.items()
        ]
        + [(STAY_STARTS, len(visit.reader.stay_starts.split()))],
        obstacle=await _obstacle(visit),
    )


async def _obstacle(visit: PageRequest) -> str:
    """The text that says why the data cannot be erased now; empty if erasure is possible."""
    obstacle = await visit[OwnData].obstacle(visit.reader, visit.role is not None, visit.now)
    return ERASURE_TEXT[obstacle.value] if obstacle is not None else ""


async def download(visit: PageRequest) -> web.StreamResponse:
    export = await visit[OwnData].export(visit.reader.id)
    return web.Response(
        text=json.dumps(export, ensure_ascii=False, indent=1, default=str),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{_FILE}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def ask(visit: PageRequest) -> web.StreamResponse:
    return render_page(
        visit.request,
        "accounts/erase.html",
        reader=visit.reader,
        obstacle=await _obstacle(visit),
    )


async def erase(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Erases the reader's personal data and ends all their sessions. Raises: ErasureNotNow."""
    await visit[OwnData].erase(visit.reader, visit.role is not None, visit.now)
    response = render_page(visit.request, "accounts/erased.html")
    forget_session_cookie(visit.request, response)
    note_erasure(visit.request, response)
    return response
