from __future__ import annotations

from aiohttp import web

from handlers.calendar_feed.download import one_booking, one_room_booking
from handlers.calendar_feed.feed import address
from handlers.calendar_feed.schemas import CalendarAddressOut, CalendarFeedOut
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.language import language_of
from models.calendar_feed.service import CalendarFeeds
from models.kernel.errors import NotFound

routes = ApiRoutes()


@routes.get("/calendar-feed", "Get the state of the reader's calendar feed")
async def show(call: ApiRequest) -> CalendarFeedOut:
    feed = await call[CalendarFeeds].of(call.reader.id)
    return CalendarFeedOut(
        feed is not None, call.zone.local_if_any(feed.created_at if feed else None)
    )


@routes.post(
    "/calendar-feed",
    "Create a secret address of the calendar feed, returned only once; replaces the old one",
    status=201,
)
async def issue(call: ApiRequest) -> CalendarAddressOut:
    language = language_of(call.request)
    token = await call[CalendarFeeds].issue(call.reader.id, language.tag, call.now)
    return CalendarAddressOut(address(call.request, token), call.zone.local(call.now))


@routes.delete("/calendar-feed", "Remove the address of the calendar feed")
async def revoke(call: ApiRequest) -> None:
    await call[CalendarFeeds].revoke(call.reader.id)


@routes.get(
    "/reservations/{id}/calendar.ics",
    "Get one of the reader's reservations as an iCalendar file",
    media="text/calendar",
    errors=(NotFound,),
)
async def reservation(call: ApiRequest) -> web.StreamResponse:
    return await one_booking(call.request, call.reader.id, call.id)


@routes.get(
    "/room-bookings/{id}/calendar.ics",
    "Get the reservation of a study room as an iCalendar file",
    media="text/calendar",
    errors=(NotFound,),
)
async def room_booking(call: ApiRequest) -> web.StreamResponse:
    return await one_room_booking(call.request, call.reader.id, call.id)
