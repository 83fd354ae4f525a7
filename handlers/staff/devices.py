"""Kiosks and gates: adding them, when they were last heard of, and new keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.http.forms import Form
from handlers.http.pages import LONGEST_REASON, PageRequest, count_error, form_reason, form_text
from handlers.staff.form_fields import ID, ID_WORDS
from handlers.staff.layout import render, staff_context
from handlers.texts.errors import text_of
from models.gates.entities import Gate, GateId
from models.identity.roles import ADMINISTRATOR, has_role
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kiosks.errors import DeviceExists
from models.library.entities import Kiosk, KioskId, VenueId

LONGEST_NAME: Final = 20
KINDS: Final = {"seat_kiosk": "选座机", "query_terminal": "查询机"}


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown, once. ``kind`` is kiosk or gate."""

    kind: str
    id: str
    key: str


async def devices(visit: PageRequest) -> web.StreamResponse:
    await visit.services.desk.refresh()
    return await _page(visit)


async def _page(visit: PageRequest, status: int = 200, **more: Any) -> web.Response:
    services, desk = visit.services, visit.services.desk
    seen = await desk.catalogue.kiosk_last_seen()
    facts: dict[str, Any] = {"typed": {}, "wrong": "", "new": None} | more
    return render(
        visit,
        "devices",
        status=status,
        kiosks=[(k, seen.get(k.id)) for k in desk.library.kiosks.values()],
        gates=await desk.gates.all(),
        venues=desk.library.venues,
        kinds=KINDS,
        base=services.public_base_url,
        changes=has_role(visit.reader.category, ADMINISTRATOR),
        longest=LONGEST_REASON,
        longest_name=LONGEST_NAME,
        **facts,
    )


async def add_device(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A kiosk or a gate with its first key, which is shown this once."""
    desk = visit.services.desk
    await desk.refresh()
    typed = {n: form_text(form, n) for n in ("device", "id", "name", "venue", "kind", "reason")}
    try:
        device = _read(visit, typed)
        key = await deeds.add_device(staff_context(visit), device, form_reason(form))
    except InvalidRequest as error:
        return await _page(visit, 400, typed=typed, wrong=str(error.details["reason"]))
    except DeviceExists as error:
        count_error(visit.request, error)
        return await _page(visit, 409, typed=typed, wrong=text_of(error.code, error.details))
    return await _page(visit, new=NewKey(typed["device"], device.id, key))


def _read(visit: PageRequest, typed: dict[str, str]) -> Kiosk | Gate:
    """Raises: InvalidRequest."""
    id, name, venue = typed["id"], typed["name"], VenueId(typed["venue"])
    if not ID.fullmatch(id):
        raise InvalidRequest("id", ID_WORDS)
    if not 0 < len(name) <= LONGEST_NAME or not is_printable_line(name):
        raise InvalidRequest("name", f"名称为 1–{LONGEST_NAME} 字")
    if venue not in visit.services.desk.library.venues:
        raise InvalidRequest("venue", "请选择场馆")
    if typed["device"] == "gate":
        return Gate(GateId(id), venue, name)
    if typed["device"] != "kiosk" or typed["kind"] not in KINDS:
        raise InvalidRequest("kind", "请选择种类")
    return Kiosk(KioskId(id), venue, name, typed["kind"])


async def rotate_key(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another key from now on; who has the old one is shut out at once."""
    desk, kind = visit.services.desk, visit.request.match_info["kind"]
    await desk.refresh()
    device: Kiosk | Gate | None = desk.library.kiosks.get(KioskId(visit.id))
    if kind == "gate":
        device = next((g for g in await desk.gates.all() if g.id == visit.id), None)
    if device is None or kind not in ("kiosk", "gate"):
        raise NotFound()
    key = await deeds.rotate_key(staff_context(visit), device, form_reason(form))
    return await _page(visit, new=NewKey(kind, device.id, key))
