"""The plan editor: the areas, their seats and what else stands there, on a drawing or as a file.

The browser changes a plan as JSON, the same that is exported and imported. What it changes and
which bookings it hits is shown first; nothing changes before that is confirmed.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import msgspec
from aiohttp import web

from handlers import deeds
from handlers.errors import status_of
from handlers.messages import text_of
from handlers.web.console.frame import ID, ID_WORDS, acting, shown
from handlers.web.console.misfits import NOT_ASKED, fate_in, hit
from handlers.web.pages import LONGEST_REASON, Form, Visit, counted, reason_in, redirect, text_in
from models import replan
from models.booking import misfits
from models.errors import Malformed, NotAllowed, NotFound, PlanChanged
from models.library import SEAT_SIZE, Area, AreaId, Mark, VenueId
from models.reader import ADMINISTRATOR, LIBRARIAN, may
from models.replan import Differences, Draft, SeatDraft
from models.timerange import local_date

LARGEST_PLAN: Final = 512 * 1024
"""Bytes of a form with a plan of a thousand seats."""
_LISTED: Final = 12
MARK_TEXT: Final = {
    "wall": "墙壁",
    "window": "窗户",
    "bookshelf": "书架",
    "door": "门",
    "pillar": "柱子",
    "kiosk": "选座机",
}


class PlanIn(msgspec.Struct, forbid_unknown_fields=True):
    """A plan as it is written down. Without a name or a floor it keeps those that it has."""

    width: int
    height: int
    seats: list[SeatDraft]
    marks: list[Mark]
    area: str = ""
    name: str | None = None
    floor: int | None = None


async def plans(visit: Visit) -> web.StreamResponse:
    await visit.services.desk.refresh()
    return _list(visit)


def _list(
    visit: Visit, status: int = 200, typed: dict[str, str] | None = None, wrong: str = ""
) -> web.Response:
    desk, today = visit.services.desk, local_date(visit.now)
    areas = [
        (area, sum(s.out_of_service(today) is not None for s in area.seats))
        for area in desk.library.areas.values()
    ]
    return shown(
        visit,
        "plans",
        status=status,
        areas=areas,
        venues=list(desk.library.venues.values()),
        changes=may(visit.reader.kind, ADMINISTRATOR),
        typed=typed or {},
        wrong=wrong,
        longest=LONGEST_REASON,
    )


async def add_area(visit: Visit, form: Form) -> web.StreamResponse:
    """A new area, empty: its plan is drawn next."""
    desk = visit.services.desk
    typed = {name: text_in(form, name) for name in ("id", "venue", "name", "floor", "reason")}
    try:
        area = _new_area(visit, typed)
        await deeds.add_area(acting(visit), area, reason_in(form))
    except Malformed as error:
        return _list(visit, 400, typed, str(error.details["reason"]))
    except PlanChanged as error:
        counted(visit.request, error)
        return _list(visit, 409, typed, f"已有编号为 {typed['id']} 的区域")
    return redirect(f"/console/plans/{desk.area(area.id).id}")


def _new_area(visit: Visit, typed: dict[str, str]) -> Area:
    """Raises: Malformed."""
    library = visit.services.desk.library
    if not ID.fullmatch(typed["id"]):
        raise Malformed("id", ID_WORDS)
    if typed["venue"] not in library.venues:
        raise Malformed("venue", "请选择场馆")
    if not re.fullmatch(r"-?[0-9]{1,2}", typed["floor"]):
        raise Malformed("floor", "楼层为 -9 到 99")
    order = 1 + max((area.order for area in library.areas.values()), default=-1)
    empty = Area(
        id=AreaId(typed["id"]),
        venue_id=VenueId(typed["venue"]),
        name="",
        floor=0,
        order=order,
        width=0,
        height=0,
        seats=(),
        marks=(),
        rev=-1,
    )
    return replan.drawn(empty, Draft(typed["name"], int(typed["floor"]), 1200, 800, (), ()), ())


async def plan(visit: Visit) -> web.StreamResponse:
    """The editor; a viewer sees the same without anything to press."""
    await visit.services.desk.refresh()
    area = visit.services.desk.area(visit.id)
    return _editor(visit, area, replan.written(area))


def _editor(
    visit: Visit, area: Area, document: object, *, status: int = 200, **facts: Any
) -> web.Response:
    usual = {
        "said": None,
        "hit": None,
        "wrong": "",
        "unsaved": False,
        "done": "done" in visit.request.query,
    }
    return shown(
        visit,
        "plan",
        status=status,
        area=area,
        base=area.rev,
        plan=json.dumps(document, ensure_ascii=False),
        edits=may(visit.reader.kind, LIBRARIAN),
        structure=may(visit.reader.kind, ADMINISTRATOR),
        mark_text=MARK_TEXT,
        seat_size=SEAT_SIZE,
        longest=LONGEST_REASON,
        longest_outage=replan.LONGEST_REASON,
        **usual | facts,
    )


async def export(visit: Visit) -> web.StreamResponse:
    """The plan as a file, which can be edited and imported again."""
    area = visit.services.desk.area(visit.id)
    return _file(replan.written(area), area.id)


async def plan_before(visit: Visit) -> web.StreamResponse:
    """The plan as it was before a change that the log knows: importing it takes the change back."""
    entry = await visit.services.audit.get(visit.id)
    document = entry.before.get("plan") if entry is not None else None
    if entry is None or not isinstance(document, dict):
        raise NotFound()
    return _file(document, f"{document['area']}-{entry.before['rev']}")


def _file(document: dict[str, object], name: str) -> web.Response:
    text = json.dumps(document, ensure_ascii=False, indent=1)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.json"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=text, content_type="application/json", headers=headers)


async def change_plan(visit: Visit, form: Form) -> web.StreamResponse:
    """What the form wants: shown with what it hits, or done where it was confirmed. What was drawn
    is never lost."""
    desk = visit.services.desk
    await desk.refresh()  # another worker may have been told something new
    area = desk.area(visit.id)
    text = _text(form)
    try:
        if text_in(form, "base") != str(area.rev):
            raise PlanChanged()
        new = _drawn(visit, area, text)
        document, found = replan.written(new), replan.differences(area, new)
        if found.structural and not may(visit.reader.kind, ADMINISTRATOR):
            raise NotAllowed()
        said = words(found)
        if text_in(form, "edit"):
            return _editor(visit, area, document, unsaved=True)
        if not found.any:
            raise Malformed("plan", "没有需要保存的更改")
        library, confirmed = desk.library.with_area(new), text_in(form, "confirmed")
        rows = await misfits.affected(desk, desk.policy, library, visit.now)
        hits = hit(library, rows)
        if not confirmed or (hits.count and not text_in(form, "bookings")):
            wrong = NOT_ASKED if confirmed else ""
            return _editor(visit, area, document, said=said, hit=hits, wrong=wrong)
        reason, fate = reason_in(form), fate_in(form)
        await deeds.change_plan(acting(visit), area, new, "；".join(said), reason, fate)
    except PlanChanged as error:
        counted(visit.request, error)
        wrong = text_of(error.code, error.details)
        return _editor(
            visit,
            desk.area(visit.id),
            _kept(text),
            status=status_of(type(error)),
            wrong=wrong,
            unsaved=True,
        )
    except Malformed as error:
        wrong = str(error.details["reason"])
        return _editor(visit, area, _kept(text), status=400, wrong=wrong, unsaved=True)
    return redirect(f"/console/plans/{area.id}?done")


def _text(form: Form) -> str:
    """The plan, from the editor or from a file."""
    file = form.get("file")
    if isinstance(file, bytes):
        return file.decode(errors="replace")
    return text_in(form, "plan")


def _kept(text: str) -> object:
    """What was drawn, to be shown again; nothing where it is no plan at all."""
    try:
        msgspec.json.decode(text, type=PlanIn)
        return json.loads(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _drawn(visit: Visit, area: Area, text: str) -> Area:
    """Raises: Malformed."""
    try:
        read = msgspec.json.decode(text, type=PlanIn)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise Malformed("plan", f"这不是平面图文件：{error}") from error
    if read.area not in ("", area.id):
        raise Malformed("area", f"这是区域 {read.area} 的平面图，不是 {area.id} 的")
    draft = Draft(
        name=area.name if read.name is None else read.name.strip(),
        floor=area.floor if read.floor is None else read.floor,
        width=read.width,
        height=read.height,
        seats=read.seats,
        marks=read.marks,
    )
    elsewhere = {
        s for s, at in visit.services.desk.library.all_seats.items() if at.area_id != area.id
    }
    return replan.drawn(area, draft, elsewhere)


def words(found: Differences) -> list[str]:
    """What a change of a plan does, in words."""
    renumbered = [f"{old}→{new}" for old, new in found.renumbered]
    lists = (
        ("新增", found.added),
        ("移除", found.removed),
        ("改号", renumbered),
        ("移动", found.moved),
        ("更改设施", found.equipped),
        ("禁用", found.disabled),
        ("恢复使用", found.enabled),
    )
    said = [f"{verb} {_few(numbers)}" for verb, numbers in lists if numbers]
    if found.marks:
        said.append("更改墙壁、书架等标记")
    if found.frame:
        said.append("更改名称、楼层或大小")
    return said


def _few(numbers: list[str]) -> str:
    shown = "、".join(numbers[:_LISTED])
    return shown if len(numbers) <= _LISTED else f"{shown} 等 {len(numbers)} 座"
