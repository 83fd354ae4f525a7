"""TODO docstring."""

from __future__ import annotations

import re
from datetime import time
from typing import Final

from aiohttp import web

from handlers.http import presenting
from handlers.http.middleware import NOW
from handlers.reservations import presenter
from handlers.services import Services
from models.feedback.entities import MAX_LENGTH
from models.kernel.time_range import floor_minute, local_date, local_instant
from notify.wechat.callbacks import Callback
from notify.wechat.official_account import HOME

_CODE: Final = re.compile(r"-?[0-9]{1,9}")
_LONGEST_WORDS: Final = 200
_HELP: Final = frozenset({"帮助", "help", "?", "？"})
_MINE: Final = frozenset({"我的预约", "我的", "预约"})
_SEATS: Final = frozenset({"空位", "空座", "座位", "余座"})


# --- the official account -----------------------------------------------------------------------
async def _answer(services: Services, push: Callback, request: web.Request) -> str:
    """What the follower hears; empty: nothing."""
    if push.kind == "event":
        match push.event:
            case "subscribe":
                return _welcome(services)
            case "CLICK" if push.key == "HELP":
                return _help(services, request)
            case "CLICK" if push.key == "MINE":
                return await _my_reservations(services, push, request)
            case "CLICK" if push.key == "SEATS":
                return await _free_seats(services, request)
        return ""
    word = push.content.strip()
    if push.kind != "text":
        return _help(services, request)
    if word.lower() in _HELP:
        return _help(services, request)
    if word in _MINE:
        return await _my_reservations(services, push, request)
    if word in _SEATS:
        return await _free_seats(services, request)
    await services.feedbacks.add(None, push.name, word[:MAX_LENGTH], request[NOW], "mp")
    return "已收到您的留言，图书馆会尽快处理。回复“帮助”看常见问题，回复“空位”看各区域空位。"


def _mini_program_link(services: Services) -> str:
    """A link that opens the mini-program; where WeChat is too old for it, the page."""
    return (
        f'<a href="{services.public_base_url}/" data-miniprogram-appid="{services.mini_appid}" '
        f'data-miniprogram-path="{HOME}">点这里进入座位预约</a>'
    )


def _welcome(services: Services) -> str:
    return (
        f"欢迎关注。{_mini_program_link(services)}\n回复“空位”看各区域空位，回复“帮助”看使用方法。"
    )


def _help(services: Services, request: web.Request) -> str:
    policy = services.desk.policy.resolve(None, local_date(request[NOW]))
    return (
        f"{_mini_program_link(services)}\n"
        f"· 首次使用请在网页 {services.public_base_url}/activation 获取激活码\n"
        f"· 开始前 {policy.check_in_before_minutes} 分钟至"
        f"开始后 {policy.check_in_after_minutes} 分钟内扫码签到\n"
        "· 暂时离开请先暂离，提前离开请结束使用\n"
        "回复“空位”“我的预约”可直接查询；其他问题直接留言。"
    )


async def _my_reservations(services: Services, push: Callback, request: web.Request) -> str:
    """The follower's bookings, where WeChat says who they are; else the way to them."""
    unionid = await services.unionid_of(push.openid)
    reader_id = await services.bound.reader_by_unionid(unionid) if unionid else None
    if reader_id is None:
        return (
            f"查看我的预约：{services.public_base_url}/reservations\n{_mini_program_link(services)}"
        )
    desk, now = services.desk, request[NOW]
    rows = await desk.reservations.live_of(reader_id, local_instant(local_date(now), time(0)))
    if not rows:
        return f"您现在没有预约。{_mini_program_link(services)}"
    lines = []
    for r in rows[:10]:
        shown = await presenter.reservation(desk, r, now)
        start, end = presenting.clock(r.start), presenting.clock(r.end)
        lines.append(f"{shown.date:%m-%d} {start}–{end} {shown.seat.label} {shown.state_text}")
    return "\n".join(lines)


async def _free_seats(services: Services, request: web.Request) -> str:
    desk, plans, minute = services.desk, services.plans, floor_minute(request[NOW])
    asked = plans.window(desk, None, None, None, minute)
    board = await desk.board.get_day(asked.day)
    lines = [
        f"{area.name} {count.free}/{count.total}"
        for area in desk.library.bookable_areas
        for count in (plans.plan(desk, area, board, asked, minute).view.count,)
    ]
    return "当前空位（空/总）\n" + "\n".join(lines)
