"""The official account's automatic replies about free seats, a follower's bookings, and how to
use the service. Any other text becomes feedback to the library."""

from __future__ import annotations

from aiohttp import web

from bind.account_binding import AccountBindingService
from handlers.http import presenting
from handlers.http.keys import REFERENCE, SITE, service_key
from handlers.http.middleware import NOW
from handlers.http.presenting import later_clock
from handlers.http.rules_by_place import PlaceRules
from handlers.reservations import presenter
from handlers.seat_map.cache import SEAT_MAP_CACHE
from handlers.texts.wechat import (
    FREE_SEATS_WORDS,
    HELP_WORDS,
    KIND_TEXT,
    MY_RESERVATIONS_WORDS,
    NO_WORDS,
    REPLY_TEXT,
)
from handlers.wechat.keys import UNIONID_OF
from models.booking.service import ReservationService
from models.feedback.entities import MAX_LENGTH
from models.feedback.service import FeedbackService
from models.kernel.ids import ReaderId
from models.kernel.time_range import floor_minute
from models.seat_map.service import SeatMapService
from notify.conversations import Conversations
from notify.wechat.callbacks import Callback
from notify.wechat.official_account import HOME


async def reply_to(request: web.Request, callback: Callback) -> str:
    """The text that answers a follower's message or event; empty if no reply is sent."""
    if callback.kind == "event":
        match callback.event:
            case "subscribe":
                return _welcome(request)
            case "CLICK" if callback.key == "HELP":
                return _help(request)
            case "CLICK" if callback.key == "MINE":
                return await _my_reservations(request, callback)
            case "CLICK" if callback.key == "SEATS":
                return await _free_seats(request)
        return ""
    word = callback.content.strip()
    if callback.kind not in ("text", "image"):
        return _help(request)
    if word.lower() in HELP_WORDS:
        return _help(request)
    if word in MY_RESERVATIONS_WORDS:
        return await _my_reservations(request, callback)
    if word in FREE_SEATS_WORDS:
        return await _free_seats(request)
    await store_feedback(request, callback, await _follower(request, callback), "mp")
    return REPLY_TEXT["feedback"]


async def store_feedback(
    request: web.Request,
    callback: Callback,
    reader_id: ReaderId | None,
    account: str,
    acknowledgement: str = "",
) -> None:
    """Stores a message from WeChat as feedback. ``account``: the WeChat account that got the
    message. ``acknowledgement``: a text that is sent to the writer in a separate request."""
    app, now = request.app, request[NOW]
    text = callback.content.strip() or _without_words(callback)
    id = await app[service_key(FeedbackService)].add(
        reader_id, callback.name, text[:MAX_LENGTH], now, account, callback.openid
    )
    if id is not None and acknowledgement:
        await app[service_key(Conversations)].acknowledge(
            id, account, callback.openid, acknowledgement, now
        )


def _without_words(callback: Callback) -> str:
    kind = KIND_TEXT.get(callback.kind, callback.kind)
    return NO_WORDS.format(kind=kind) + (callback.picture or callback.title)


async def _follower(request: web.Request, callback: Callback) -> ReaderId | None:
    """The reader bound to the follower; None if unbound, or if WeChat gives no unionid."""
    unionid = await request.app[UNIONID_OF](callback.openid)
    return (
        await request.app[service_key(AccountBindingService)].reader_by_unionid(unionid)
        if unionid
        else None
    )


def _mini_program_link(request: web.Request) -> str:
    """A link that opens the mini-program. Old versions of WeChat open the web page instead."""
    site = request.app[SITE]
    return (
        f'<a href="{site.public_base_url}/" data-miniprogram-appid="{site.mini_appid}" '
        f'data-miniprogram-path="{HOME}">{REPLY_TEXT["mini_program"]}</a>'
    )


def _welcome(request: web.Request) -> str:
    return REPLY_TEXT["welcome"].format(link=_mini_program_link(request))


def _help(request: web.Request) -> str:
    reference = request.app[REFERENCE]
    rules = PlaceRules(reference, reference.zone.day(request[NOW]), None)
    return REPLY_TEXT["help"].format(
        link=_mini_program_link(request),
        url=request.app[SITE].public_base_url,
        before=rules.usual("check_in_before_minutes"),
        after=rules.usual("check_in_after_minutes"),
    )


async def _my_reservations(request: web.Request, callback: Callback) -> str:
    """A text with the follower's bookings; for an unbound follower, a text on how to see them."""
    app, now = request.app, request[NOW]
    reader_id = await _follower(request, callback)
    link = _mini_program_link(request)
    if reader_id is None:
        return REPLY_TEXT["not_bound"].format(url=app[SITE].public_base_url, link=link)
    rows = await app[service_key(ReservationService)].live_now(reader_id, now)
    if not rows:
        return REPLY_TEXT["no_reservations"].format(link=link)
    lines, zone = [], app[REFERENCE].zone
    for r in rows[:10]:
        booking = await presenter.reservation(app[REFERENCE], r, now)
        start, end = presenting.clock(zone, r.start), later_clock(zone, r.start, r.end)
        lines.append(
            f"{booking.date:%m-%d} {start}–{end} {booking.seat.label} {booking.state_text}"
        )
    return "\n".join(lines)


async def _free_seats(request: web.Request) -> str:
    app, minute = request.app, floor_minute(request[NOW])
    cache = app[SEAT_MAP_CACHE]
    time_window = cache.window(None, None, None, minute)
    occupancy = await app[service_key(SeatMapService)].occupancy.get_day(time_window.day)
    catalog, lines = app[REFERENCE].catalog, []
    for venue, areas in catalog.by_venue(catalog.bookable_areas):
        lines += [venue.name] if venue is not None else []
        for area in areas:
            count = cache.plan(area, occupancy, time_window, minute).view.count
            lines.append(f"{area.name} {count.free}/{count.total}")
    return REPLY_TEXT["free_seats"].format(areas="\n".join(lines))
