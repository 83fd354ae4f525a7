from __future__ import annotations

from datetime import timedelta
from typing import Final

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import Access, ApiRequest
from handlers.http.keys import REFERENCE
from handlers.staff.api import rights_of
from handlers.staff.schemas import AreaDayOut, RoomUseOut, StatisticsOut, StatisticsQuery
from handlers.statistics.console.rooms import place_of_room
from models.identity.api_tokens import Scope
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.library.entities import Catalog
from models.reference_data import ReferenceData
from models.statistics.daily import AreaDay
from models.statistics.room_service import RoomStatistics
from models.statistics.room_use import DailyRoomUse
from models.statistics.service import StatisticsService

routes = ApiRoutes()


LONGEST: Final = 92
"""The most days in one response: a quarter of a year."""
_USUAL: Final = 30
_DAY: Final = timedelta(days=1)


@routes.get(
    "/staff/statistics",
    "Get statistics by day and area",
    Access.VIEWER,
    scope=Scope.STATISTICS_READ,
)
async def statistics(call: ApiRequest, query: StatisticsQuery) -> StatisticsOut:
    last = query.last or call.zone.day(call.now) - _DAY
    if not all(2000 <= day.year < 2100 for day in (last, query.first or last)):
        raise Malformed("to", "from and to must be days in the years 2000 to 2099")
    first = query.first or last - (_USUAL - 1) * _DAY
    if first > last:
        raise Malformed("to", "to must not be before from")
    if (last - first).days >= LONGEST:
        raise Malformed("from", f"must be at most {LONGEST} days before to")
    catalog, rights = call[REFERENCE].catalog, rights_of(call)
    area_days = [
        _area_day(catalog, day)
        for day in await call[StatisticsService].between(first, last)
        if day.area_id not in catalog.areas
        or rights.covers(Role.VIEWER, catalog.areas[day.area_id].venue_id)
    ]
    room_days = [
        _room_day(call[REFERENCE], day)
        for day in await call[RoomStatistics].between(first, last)
        if rights.covers(Role.VIEWER, day.venue_id)
    ]
    return StatisticsOut(first, last, area_days, room_days)


def _room_day(reference: ReferenceData, day: DailyRoomUse) -> RoomUseOut:
    venue, _floor, name = place_of_room(reference, day.room_id, day.venue_id)
    return RoomUseOut(
        date=day.day,
        room_id=day.room_id,
        room=name,
        venue=venue,
        booked=day.booked,
        checked_in=day.checked_in,
        cancelled=day.cancelled,
        declined=day.declined,
        released=day.released,
        no_show=day.no_show,
        people=day.people,
        open_minutes=day.open_minutes,
        booked_minutes=day.booked_minutes,
        used_minutes=day.used_minutes,
    )


def _area_day(catalog: Catalog, day: AreaDay) -> AreaDayOut:
    area = catalog.areas.get(day.area_id)
    return AreaDayOut(
        date=day.day,
        area_id=day.area_id,
        area=catalog.full_name(area) if area is not None else day.area_id,
        venue=catalog.venues[area.venue_id].name if area is not None else "",
        floor=area.floor if area is not None else None,
        seats=day.seats,
        booked=day.booked,
        checked_in=day.checked_in,
        cancelled=day.cancelled,
        no_show=day.no_show,
        away_expired=day.away_expired,
        open_minutes=day.open_minutes,
        used_minutes=sum(day.used),
        used_minutes_by_hour=list(day.used),
    )
