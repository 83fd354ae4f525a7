"""WeChat's callbacks for official account and mini-program. A repeated callback has no effect."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from bind.account_binding import AccountBindingService
from handlers.http.keys import METRICS, SITE, service_key
from handlers.http.middleware import NOW
from handlers.http.refusals import count_refusal
from handlers.http.request_body import read_body
from handlers.texts.wechat import REPLY_TEXT
from handlers.wechat.auto_reply import reply_to, store_feedback
from handlers.wechat.keys import CALLBACK_VERIFIERS, TEMPLATES
from models.kernel.ids import ReaderId
from models.messages.entities import Channel, Template
from models.messages.service import MessageService
from models.wechat.service import WeChatCallbackService
from notify.conversations import Conversations
from notify.wechat.callbacks import MAX_BYTES, Callback, CallbackRejected, CallbackVerifier

log = logging.getLogger(__name__)
CALLBACK_REJECTED: Final = "callback_rejected"
"""The code by which metrics and security log count a rejected callback. WeChat does not read it."""
LINKED_FOLDERS: Final = ("", "/k", "/s", "/bind")
"""Path prefixes of links that WeChat's scanner opens, each with WeChat's verification file."""
PATHS: Final = {"mp": "/wechat/mp/callback", "mini": "/wechat/mini/callback"}


def wechat_routes() -> list[web.RouteDef]:
    routes = []
    for account, path in PATHS.items():
        routes += [
            web.get(path, _CallbackEndpoint(account).verify),
            web.post(path, _CallbackEndpoint(account).receive),
        ]
    file = r"{name:[A-Za-z0-9_-]{1,64}\.txt}"
    return [*routes, *(web.get(f"{folder}/{file}", verification) for folder in LINKED_FOLDERS)]


async def verification(request: web.Request) -> web.Response:
    """WeChat's verification file, which proves to WeChat that the host belongs to the library."""
    text = request.app[SITE].verification.get(request.match_info["name"])
    if text is None:
        raise web.HTTPNotFound
    return web.Response(text=text)


class _CallbackEndpoint:
    """The callback URL of an account, ``mp`` (official account) or ``mini`` (mini-program)."""

    def __init__(self, account: str) -> None:
        self._account = account

    def _verifier(self, request: web.Request) -> CallbackVerifier:
        verifier = request.app[CALLBACK_VERIFIERS].get(self._account)
        if verifier is None:
            raise web.HTTPNotFound
        return verifier

    async def verify(self, request: web.Request) -> web.Response:
        """Answers WeChat's check when an administrator enters the callback URL at WeChat."""
        try:
            return web.Response(text=self._verifier(request).echo(request.query))
        except CallbackRejected as error:
            return _rejected(request, error)

    async def receive(self, request: web.Request) -> web.Response:
        """Handles a callback. Unusable content gets no error: WeChat would only repeat the
        callback."""
        verifier = self._verifier(request)
        body = await read_body(request, MAX_BYTES)
        try:
            callback = verifier.read(request.query, body, request[NOW])
        except CallbackRejected as error:
            return _rejected(request, error)
        name, reply = f"{self._account}:{callback.name}", ""
        async with request.app[service_key(WeChatCallbackService)].once(
            name, request[NOW]
        ) as first:
            if first and self._account == "mini":
                await _handle_mini_program(request, callback)
            elif first:
                reply = await reply_to(request, callback)
        if not reply:
            return web.Response(text="success")
        timestamp, nonce = request.query["timestamp"], request.query["nonce"]
        return web.Response(
            text=verifier.text(callback, reply, timestamp, nonce), content_type="application/xml"
        )


def _rejected(request: web.Request, error: CallbackRejected) -> web.Response:
    """Counts the refusal and returns 403. Either the request is not from WeChat, or the token or
    key in the service's configuration is wrong."""
    count_refusal(request, CALLBACK_REJECTED, 403, str(error))
    return web.Response(status=403)


# --- the mini-program -------------------------------------------------------------------------
async def _handle_mini_program(request: web.Request, callback: Callback) -> None:
    app = request.app
    if callback.event == "user_enter_tempsession":
        conversations = app[service_key(Conversations)]
        return await conversations.send_once("mini", callback.openid, REPLY_TEXT["mini_greeting"])
    reader_id = await app[service_key(AccountBindingService)].reader_of(callback.openid)
    if callback.kind == "event":
        if reader_id is None or not callback.event.startswith("subscribe_msg_"):
            return
        names = {config.template_id: name for name, config in app[TEMPLATES].items()}
        for entry in callback.entries:
            template = names.get(entry.get("TemplateId", ""))
            if template is None:
                continue
            if callback.event == "subscribe_msg_sent_event":
                await _record_delivery(app, reader_id, template, entry)
            else:
                answer = entry.get("SubscribeStatusString", "")
                await app[service_key(MessageService)].consent_reported(
                    reader_id, template, callback.event, answer
                )
    else:
        await store_feedback(request, callback, reader_id, "mini", REPLY_TEXT["mini_feedback"])


async def _record_delivery(
    app: web.Application, reader_id: ReaderId, template: Template, entry: Mapping[str, str]
) -> None:
    """Counts and logs a delivery that WeChat reports as failed after accepting the message."""
    failure = await app[service_key(MessageService)].delivery_failed_late(
        reader_id, template, entry
    )
    if failure is None:
        return
    code, is_ours = failure
    app[METRICS].deliveries.labels(Channel.WECHAT.value, "failed_late").inc()
    log.warning(
        "wechat_delivery_failed_late",
        extra={"template": template.value, "errcode": code, "known": is_ours},
    )
