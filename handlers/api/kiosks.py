"""What a kiosk asks for: the code that it shows."""

from __future__ import annotations

import io

import segno

from handlers.api import schemas as s
from handlers.api.contract import Call
from models.errors import NotFound, Unauthenticated
from models.library import KioskId
from models.timerange import local


async def code(call: Call) -> s.KioskCodeOut:
    desk = call.services.desk
    kiosk = desk.library.kiosks.get(KioskId(call.id))
    if kiosk is None:
        raise NotFound()
    key = call.request.headers.get("X-Kiosk-Key", "")
    if not key or not await desk.catalogue.kiosk_key_fits(kiosk.id, key):
        raise Unauthenticated()
    step = desk.policy.kiosk_step_seconds
    shown = await call.services.kiosks.show(kiosk.id, step, call.now)
    return s.KioskCodeOut(
        payload=shown.payload,
        svg=_svg(shown.payload),
        expires_at=local(shown.expires_at),
        step_seconds=step,
        kind=kiosk.kind,
    )


def _svg(payload: str) -> str:
    """An SVG of about 3 KB that scales to its box; error correction M reads through glare."""
    out = io.BytesIO()
    segno.make(payload, error="m", micro=False).save(
        out, kind="svg", omitsize=True, xmldecl=False, svgclass=None, lineclass=None, border=4
    )
    return out.getvalue().decode()
