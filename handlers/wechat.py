"""What WeChat pushes: the official account's followers write and tap, the mini-program's users
answer questions about messages. Answered at once; a repetition does nothing."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import time
from typing import Final

from aiohttp import web

from handlers.api import present
from handlers.middleware import NOW
from handlers.request_body import read_body
from handlers.services import SERVICES, Services
from models.feedback.entities import MAX_LENGTH
from models.kernel.ids import ReaderId
from models.kernel.time_range import floor_minute, local_date, local_instant
from models.messages.entities import Template
from notify.wechat.callbacks import MAX_BYTES, Callback, CallbackRejected, CallbackVerifier
from notify.wechat.official_account import HOME

log = logging.getLogger(__name__)

PATHS: Final = {"mp": "/wechat/mp/callback", "mini": "/wechat/mini/callback"}
_CODE: Final = re.compile(r"-?[0-9]{1,9}")
_LONGEST_WORDS: Final = 200
_HELP: Final = frozenset({"帮助", "help", "?", "？"})
_MINE: Final = frozenset({"我的预约", "我的", "预约"})
_SEATS: Final = frozenset({"空位", "空座", "座位", "余座"})


def wechat_routes() -> list[web.RouteDef]:
    routes = []
    for account, path in PATHS.items():
        routes += [
            web.get(path, _Callback(account).verify),
            web.post(path, _Callback(account).receive),
        ]
    return [*routes, web.get(r"/{name:[A-Za-z0-9_-]{1,64}\.txt}", verification)]


async def verification(request: web.Request) -> web.Response:
    """The file by which WeChat knows that this host is ours, for links that its scanner opens."""
    name, text = request.app[SERVICES].verification
    if not name or request.match_info["name"] != name:
        raise web.HTTPNotFound
    return web.Response(text=text)


class _Callback:
    def __init__(self, account: str) -> None:
        self._account = account

    def _speaker(self, request: web.Request) -> CallbackVerifier:
        speaker = request.app[SERVICES].push_accounts.get(self._account)
        if speaker is None:
            raise web.HTTPNotFound
        return speaker

    async def verify(self, request: web.Request) -> web.Response:
        try:
            return web.Response(text=self._speaker(request).echo(request.query))
        except CallbackRejected:
            return web.Response(status=403)

    async def receive(self, request: web.Request) -> web.Response:
        """Raises nothing for what WeChat can do nothing about: it would only send it again."""
        speaker, services = self._speaker(request), request.app[SERVICES]
        body = await read_body(request, MAX_BYTES)
        try:
            push = speaker.read(request.query, body)
        except CallbackRejected as error:
            log.warning("wechat_push_refused", extra={"account": self._account, "why": str(error)})
            return web.Response(status=403)
        name = f"{self._account}:{push.name}"
        if not await services.pushes.first(name, request[NOW]):
            return web.Response(text="success")
        try:
            if self._account == "mini":
                await _handle_mini_program(services, push, request)
                return web.Response(text="success")
            said = await _answer(services, push, request)
        except Exception:
            await services.pushes.forget(name)
            raise
        if not said:
            return web.Response(text="success")
        stamp, nonce = request.query["timestamp"], request.query["nonce"]
        return web.Response(
            text=speaker.text(push, said, stamp, nonce), content_type="application/xml"
        )


# --- the mini-program -------------------------------------------------------------------------


async def _handle_mini_program(services: Services, push: Callback, request: web.Request) -> None:
    reader_id = await services.bound.reader_of(push.openid)
    if push.kind == "event":
        if reader_id is None or not push.event.startswith("subscribe_msg_"):
            return
        names = {config.template_id: name for name, config in services.templates.items()}
        for entry in push.entries:
            template = names.get(entry.get("TemplateId", ""))
            if template is None:
                continue
            if push.event == "subscribe_msg_sent_event":
                await _not_delivered(services, reader_id, template, entry)
            else:
                await _consent(services, reader_id, template, push.event, entry)
    elif push.kind in ("text", "image", "miniprogrampage"):
        text = push.content or f"（{push.kind}）"
        await services.feedbacks.add(reader_id, push.name, text[:MAX_LENGTH], request[NOW], "mini")


async def _consent(
    services: Services,
    reader_id: ReaderId,
    template: Template,
    event: str,
    entry: Mapping[str, str],
) -> None:
    """What the reader has said about messages. The client reports an accept as well, so an accept
    told here makes at least one, not one more; a refusal leaves none."""
    if entry.get("SubscribeStatusString") == "reject":
        await services.credits.clear([(reader_id, template)])
    elif event == "subscribe_msg_popup_event" and entry.get("SubscribeStatusString") == "accept":
        await services.credits.ensure_one(reader_id, template)


async def _not_delivered(
    services: Services, reader_id: ReaderId, template: Template, entry: Mapping[str, str]
) -> None:
    """WeChat took a message and tells now what became of it; a failure is recorded."""
    code = entry.get("ErrorCode", "0")
    if code == "0" or _CODE.fullmatch(code) is None:
        return
    words = entry.get("ErrorStatus", "")[:_LONGEST_WORDS]
    msgid = entry.get("MsgID", "")
    known = await services.messages.failed_late(reader_id, template, msgid, int(code), words)
    services.metrics.deliveries.labels("failed_late").inc()
    log.warning(
        "wechat_delivery_failed_late",
        extra={"template": template.value, "errcode": int(code), "known": known},
    )


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
        shown = await present.reservation(desk, r, now)
        start, end = present.clock(r.start), present.clock(r.end)
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
