"""What a kiosk asks for: the code that it shows."""

from __future__ import annotations

import io
from typing import Final

import segno

from handlers.api import schemas as s
from handlers.api.contract import Call
from models.errors import NotFound, Unauthenticated
from models.library import Kiosk, KioskId
from models.timerange import floor_minute, local

SCREEN: Final = "X-Kiosk-Screen"
"""A kiosk's screen says that it is one: readers rely on it, and it is missed when it is silent."""


async def code(call: Call) -> s.KioskCodeOut:
    desk = call.services.desk
    kiosk = desk.library.kiosks.get(KioskId(call.id))
    if kiosk is None:
        raise NotFound()
    key = call.request.headers.get("X-Kiosk-Key", "")
    if not key or not await desk.catalogue.kiosk_key_fits(kiosk.id, key):
        raise Unauthenticated()
    if SCREEN in call.request.headers:
        await call.services.watch.screen_seen(kiosk.id, call.now)
    step = desk.policy.kiosk_step_seconds
    shown = await call.services.kiosks.show(kiosk.id, step, call.now)
    return s.KioskCodeOut(
        payload=shown.payload,
        svg=_svg(shown.payload),
        expires_at=local(shown.expires_at),
        step_seconds=step,
        kind=kiosk.kind,
        free=await _free(call, kiosk) if kiosk.kind == "seat_kiosk" else [],
    )


async def _free(call: Call, kiosk: Kiosk) -> list[s.FreeOut]:
    desk, plans, minute = call.services.desk, call.services.plans, floor_minute(call.now)
    asked = plans.window(desk, None, None, None, minute)
    board = await desk.board.day(asked.day)
    return [
        s.FreeOut(area.name, plans.plan(desk, area, board, asked, minute).view.count.free)
        for area in desk.library.areas.values()
        if area.venue_id == kiosk.venue_id
    ]


def _svg(payload: str) -> str:
    """An SVG of about 3 KB that scales to its box; error correction M reads through glare."""
    out = io.BytesIO()
    segno.make(payload, error="m", micro=False).save(
        out, kind="svg", omitsize=True, xmldecl=False, svgclass=None, lineclass=None, border=4
    )
    return out.getvalue().decode()
