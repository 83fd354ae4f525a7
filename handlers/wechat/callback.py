"""What WeChat pushes: the official account's followers write and tap, the mini-program's users
answer questions about messages. Answered at once; a repetition does nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from handlers.http.middleware import NOW
from handlers.http.request_body import read_body
from handlers.services import SERVICES, Services
from handlers.wechat.auto_reply import _CODE, _LONGEST_WORDS, _answer
from models.feedback.entities import MAX_LENGTH
from models.kernel.ids import ReaderId
from models.messages.entities import Template
from notify.wechat.callbacks import MAX_BYTES, Callback, CallbackRejected, CallbackVerifier

log = logging.getLogger(__name__)
PATHS: Final = {"mp": "/wechat/mp/callback", "mini": "/wechat/mini/callback"}


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
