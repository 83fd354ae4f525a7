"""The first page: the day in numbers, what waits for a decision and what should be looked after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from aiohttp import web

from handlers.api import present
from handlers.web.console.frame import (
    shown,
)
from handlers.web.pages import (
    Visit,
)
from models.booking import misfits
from models.booking.tally import bookings_of
from models.library import AreaId, KioskId
from models.outage import GRACE, RETIRED
from models.overview import Brief, fullness, totals
from models.reservation import State
from models.timerange import at, local, local_date

_UNSEEN: Final = timedelta(minutes=10)
"""A gate that has said nothing for so long while the library is open."""

TROUBLES: Final = {
    "redis": "Redis 连不上（预约不受影响）",
    "board": "座位图更新迟缓",
    "library": "还没有座位数据",
    "clock": "这台服务器的时间不准，暂不办理预约和签到，请联系系统管理员",
    "wechat": "微信消息暂停发送，恢复后自动补发：见“消息”",
}


@dataclass(frozen=True, slots=True)
class AreaToday:
    """A row of the first page. ``hours`` are seats held at each full hour."""

    id: str
    name: str
    seats: int
    used: int
    booked: int
    hours: list[int]


async def today(visit: Visit) -> web.StreamResponse:
    services, now = visit.services, visit.now
    desk, day = services.desk, local_date(now)
    rows: dict[AreaId, list[Brief]] = {area: [] for area in desk.library.areas}
    async for row in bookings_of(desk, day, not services.sandbox):
        rows.setdefault(row.area_id, []).append(row)
    instants = _hours(visit)
    areas = []
    for area in desk.library.areas.values():
        mine = rows[area.id]
        areas.append(
            AreaToday(
                id=area.id,
                name=area.full_name,
                seats=sum(seat.out_of_service(day) is None for seat in area.seats),
                used=sum(row.state in (State.IN_USE, State.AWAY) for row in mine),
                booked=sum(row.state is State.RESERVED for row in mine),
                hours=fullness(mine, instants, now),
            )
        )
    return shown(
        visit,
        "today",
        totals=totals(row for mine in rows.values() for row in mine),
        areas=areas,
        instants=instants,
        past=sum(instant <= now for instant in instants),
        alarms=await _alarms(visit),
        waiting=await _waiting(visit),
    )


def _hours(visit: Visit) -> list[datetime]:
    """The full hours of the day between the first opening and the last closing."""
    desk, day = visit.services.desk, local_date(visit.now)
    places = [desk.policy.open_day(day, venue, None).hours for venue in desk.library.venues]
    spans = [span for span in places if span is not None]
    if not spans:
        return []
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    midnight = at(day, time())
    hours = (midnight + timedelta(hours=n) for n in range(25))
    return [hour for hour in hours if first <= hour < last]


async def _alarms(visit: Visit) -> list[str]:
    """What somebody should look after, in words."""
    services, now = visit.services, visit.now
    _, troubles = await services.health()
    found = [TROUBLES.get(name, f"{name}：{what}") for name, what in troubles.items()]
    desk = services.desk
    for kiosk_id, seen in (await desk.catalogue.screens()).items():
        kiosk = desk.library.kiosks.get(KioskId(kiosk_id))
        if kiosk is not None and GRACE < now - seen < RETIRED:
            found.append(f"{kiosk.name} 自 {present.clock(seen)} 起没有响应")
    for gate in await desk.gates.all():
        if gate.seen_at is not None and now - gate.seen_at > _UNSEEN:
            found.append(f"{gate.name} 自 {local(gate.seen_at):%m-%d %H:%M} 起没有数据")
    return found


async def _waiting(visit: Visit) -> list[tuple[str, str, int]]:
    """What waits for a decision: address, words, how many."""
    services = visit.services
    _, seats = await services.desk.reservations.reported(visit.now, 0, 1)
    _, appealed = await services.desk.violations.appeals(0, 1)
    asked = len(await services.feedbacks.waiting(100))
    outside = await misfits.misfits(services.desk, visit.now)
    since = visit.now - timedelta(days=1)
    failed = await services.messages.failures(since)
    found = [
        ("/console/reports", "座位被占", seats),
        ("/console/appeals", "申诉", appealed),
        ("/console/questions", "留言", asked),
        ("/console/misfits", "受影响的预约", len(outside)),
        ("/console/deliveries", "发送失败的消息", sum(count for *_, count in failed)),
    ]
    return [(path, words, count) for path, words, count in found if count]
