"""日历订阅: the page that issues the feed's URL, shows the URL once, and revokes it."""

from __future__ import annotations

from aiohttp import web

from handlers.calendar_feed.download import one_booking, one_room_booking
from handlers.calendar_feed.feed import address
from handlers.http.forms import Form
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, redirect
from handlers.http.rendering import render_page
from models.calendar_feed.service import CalendarFeeds


async def show(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit, done=visit.request.query.get("done", ""))


async def issue(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Issues a new URL of the reader's calendar feed. Only this response shows the URL."""
    language = language_of(visit.request)
    token = await visit[CalendarFeeds].issue(visit.reader.id, language.tag, visit.now)
    return await _page(visit, address=address(visit.request, token))


async def revoke(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[CalendarFeeds].revoke(visit.reader.id)
    return redirect("/me/calendar?done=off")


async def _page(visit: PageRequest, done: str = "", address: str = "") -> web.StreamResponse:
    return render_page(
        visit.request,
        "calendar_feed/feed.html",
        reader=visit.reader,
        feed=await visit[CalendarFeeds].of(visit.reader.id),
        address=address,
        done=done,
    )


async def reservation(visit: PageRequest) -> web.StreamResponse:
    """Sends the reader's booking as a calendar file (加入日历). Raises: NotFound."""
    return await one_booking(visit.request, visit.reader.id, visit.id)


async def room_booking(visit: PageRequest) -> web.StreamResponse:
    """Sends the booking of a room as a calendar file (加入日历). Raises: NotFound."""
    return await one_room_booking(visit.request, visit.reader.id, visit.id)
