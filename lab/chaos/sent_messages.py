"""The messages of a library with their outcomes, and the cards by which the channels' other ends
count them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from lab.chaos.channels import mail_card, wechat_card, wecom_card
from lab.history.records import UNKNOWN, UNQUEUED, Message, message_about
from miniapp_server.repositories import Repositories
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from models.messages.delivery_repository import delivery_id
from models.messages.entities import OF_CONSEQUENCE, WECHAT_TEMPLATES, Channel, DeliveryState
from models.messages.entities import Message as Sent
from models.storage.mongo import Database, Document
from notify.delivery.channel import UNKNOWN as MAY_HAVE_ARRIVED

_NO_CONSENT: Final = 43101


def openid_of(reader_id: str) -> str:
    """The WeChat user of a reader of a trial."""
    return f"o-{reader_id}"


async def sent_messages(
    db: Database, stored: Repositories, channels: Collection[Channel], numbers: Mapping[str, str]
) -> list[Message]:
    """The messages about reservations and rooms: one for each channel that takes its template,
    with its outcome there; without channels one for the app. ``numbers``: the readers' numbers, by
    reader."""
    deliveries = {row["_id"]: row async for row in db["deliveries"].find()}
    ids = [row["_id"] async for row in db["messages"].find({}, {"_id": 1})]
    sent = []
    for m in (await stored.messages.many(ids)).values():
        about = message_about(m.id, m.reservation_id)
        if about is None:
            continue
        booking, news = about
        noted = Message(booking, m.template, m.at, "in the app", reader=m.reader_id, news=news)
        if not channels:
            sent.append(noted)
        for channel in channels:
            if channel is Channel.WECHAT and m.template not in WECHAT_TEMPLATES:
                continue
            id = delivery_id(m.id, channel)
            card = _card(m, channel, id, numbers.get(m.reader_id, ""))
            sent.append(_sent_by(channel, replace(noted, card=card), deliveries.get(id)))
    return sent


def _sent_by(channel: Channel, m: Message, delivery: Document | None) -> Message:
    """The message with its outcome in the channel."""
    if delivery is None:
        return replace(m, way=channel.value, state=UNQUEUED)
    failed = delivery["state"] == DeliveryState.FAILED.value
    given_up = failed and delivery.get("reason") == MAY_HAVE_ARRIVED
    # No consent is left for a second copy: the first one may have used it up.
    without_consent = delivery["codes"][-1:] == [_NO_CONSENT]
    return replace(
        m,
        way=channel.value,
        state=UNKNOWN if given_up else delivery["state"],
        unknown=delivery.get("unknown", 0),
        once=channel is Channel.WECHAT and (m.template not in OF_CONSEQUENCE or without_consent),
    )


def _card(m: Sent, channel: Channel, delivery: str, number: str) -> str:
    """The card as the channel's other end counts it."""
    about = m.reservation_id or ""
    match channel:
        case Channel.WECHAT:
            template = str(SANDBOX_TEMPLATES[m.template]["template_id"])
            return wechat_card(openid_of(m.reader_id), template, about)
        case Channel.WECOM:
            return wecom_card(number, m.title, m.text, about)
        case Channel.EMAIL:
            return mail_card(hashlib.sha256(delivery.encode()).hexdigest()[:32])
