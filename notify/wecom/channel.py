"""The channel 企业微信 sends a text card into the application's chat with a member. WeCom drops
copies of a card for half an hour, so a repeat is shown once. Error codes: from ``message/send``
and from WeCom's global table (https://developer.work.weixin.qq.com/document/path/90313)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from languages.catalogue import language_with
from models.kernel.ids import ReaderId
from models.messages.channel_pause import PauseReason
from models.messages.choice_repository import ChoiceRepository
from models.messages.entities import Channel, Delivery, DeliveryResult, DeliveryState, Message
from models.readers.entities import Reader
from notify.delivery.channel import PreparedDelivery, SendOutcome, away, delay
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.templates.season_news import season_page
from notify.templates.wecom import CARD_BUTTON, NO_TAGS
from notify.wecom.client import TOKEN_DEAD, WeComClient, WeComUnavailable

log = logging.getLogger(__name__)
_TITLE_BYTES, _TEXT_BYTES = 128, 512
_SAME_WITHIN_S: Final = 1800
_BUSY: Final = -1


class WeComStatus(StrEnum):
    SENT = "sent"
    NO_MEMBER = "no_member"
    AWAY = "away"
    LATER = "later"
    QUOTA = "quota_minute"
    TOKEN = "token"
    REFUSED = "refused"
    OTHER = "other"


WECOM_CODES: Final[Mapping[int, WeComStatus]] = {
    _BUSY: WeComStatus.AWAY,
    **dict.fromkeys((40003, 60111, 81013), WeComStatus.NO_MEMBER),
    **dict.fromkeys((45009, 45029), WeComStatus.QUOTA),
    45033: WeComStatus.LATER,
    **dict.fromkeys((*sorted(TOKEN_DEAD), 40001, 41001), WeComStatus.TOKEN),
    # The application may not send: its corporation, agent, address of this host, or permission.
    **dict.fromkeys((40013, 40056, 48002, 50001, 60011, 60020, 301002), WeComStatus.REFUSED),
}
_PAUSES: Final = {
    WeComStatus.QUOTA: PauseReason.QUOTA_MINUTE,
    WeComStatus.TOKEN: PauseReason.TOKEN,
    WeComStatus.REFUSED: PauseReason.REFUSED,
}


@dataclass(slots=True)
class WeComChannel:
    """Sends messages by 企业微信. A reader's number is also the member's ``userid`` in WeCom."""

    client: WeComClient
    base_url: str
    members: Callable[[Collection[ReaderId]], Awaitable[Mapping[ReaderId, Reader]]]
    choices: ChoiceRepository
    breaker: CircuitBreaker
    name: Channel = Channel.WECOM
    concurrency: int = 8
    lease: timedelta = timedelta(seconds=90)

    async def requested(self, messages: Sequence[Message]) -> Collection[str]:
        choices = await self.choices.many(self.name, {m.reader_id for m in messages})
        return {m.id for m in messages if choices[m.reader_id].wants(m.template)}

    async def can_stand_in(self, messages: Sequence[Message]) -> Collection[str]:
        choices = await self.choices.many(self.name, {m.reader_id for m in messages})
        return {m.id for m in messages if not choices[m.reader_id].refuses(m.template)}

    async def prepare(
        self, deliveries: Sequence[Delivery], send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        members = await self.members({d.message.reader_id for d in deliveries})
        ready: list[PreparedDelivery] = []
        unbound: list[DeliveryResult] = []
        for d in deliveries:
            member = members.get(d.message.reader_id)
            if member is None:
                unbound.append(DeliveryResult(d, DeliveryState.UNBOUND))
            else:
                number, language = member.decrypt().student_no, language_with(member.language)
                ready.append(PreparedDelivery(d, number, send_by, language=language))
        return ready, unbound

    async def answers(self) -> bool:
        try:
            return await self.client.new_token() != _BUSY
        except WeComUnavailable:
            return False

    async def send(self, ready: PreparedDelivery) -> SendOutcome:
        d, settings, say = ready.delivery, self.client.settings, ready.language.say
        card = {
            "touser": ready.address,
            "msgtype": "textcard",
            "agentid": int(settings.agent_id) if settings.agent_id.isdecimal() else 0,
            "textcard": {
                "title": _cut(say(d.message.title), _TITLE_BYTES),
                "description": _cut(say(d.message.text), _TEXT_BYTES),
                "url": f"{self.base_url}/entry?next={_page(d.message)}",
                "btntxt": say(CARD_BUTTON),
            },
            "enable_duplicate_check": 1,
            "duplicate_check_interval": _SAME_WITHIN_S,
        }
        try:
            answer = await self.client.call("message/send", {}, card)
        except WeComUnavailable as error:
            return away(d, WeComStatus.AWAY.value, None, unknown=error.unknown)
        code = answer.get("errcode")
        if not isinstance(code, int):
            return away(d, WeComStatus.AWAY.value, None, unknown=True)
        if code == 0 and not answer.get("invaliduser"):
            msgid = answer.get("msgid")
            return SendOutcome(DeliveryState.SENT, WeComStatus.SENT.value, 0, str(msgid))
        return _refused(d, code)

    def give_back(self, ready: PreparedDelivery) -> None:
        """Does nothing: ``prepare`` uses nothing up."""

    async def flush(self) -> None:
        """Does nothing: the channel keeps no records."""


def _refused(d: Delivery, code: int) -> SendOutcome:
    # 0 with an invalid user: the card had no other recipient.
    status = WECOM_CODES.get(code, WeComStatus.OTHER) if code else WeComStatus.NO_MEMBER
    if status is WeComStatus.AWAY:
        return away(d, status.value, code, unknown=False)
    if status in (WeComStatus.NO_MEMBER, WeComStatus.OTHER):
        if status is WeComStatus.OTHER:
            log.error("wecom_delivery_alarm", extra={"errcode": code})
        end = DeliveryState.UNBOUND if status is WeComStatus.NO_MEMBER else DeliveryState.FAILED
        return SendOutcome(end, status.value, code)
    wait_s = delay(d.attempts) if status is WeComStatus.LATER else 0.0
    return SendOutcome(
        DeliveryState.QUEUED, status.value, code, retry_after_s=wait_s, pause=_PAUSES.get(status)
    )


def _page(message: Message) -> str:
    about = message.reservation_id
    return season_page(message) or (f"/reservations/{about}" if about else "/notices")


def _cut(text: str, most: int) -> str:
    """The text in at most ``most`` bytes, without characters that WeCom reads as tags."""
    plain = text.translate(NO_TAGS)
    raw = plain.encode()
    if len(raw) <= most:
        return plain
    return raw[: most - 3].decode(errors="ignore") + "…"
