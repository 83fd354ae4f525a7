"""Delivery to WeChat: in order per reader, leased, with the verdicts of WeChat's error table.

A message is sent at least once as far as we know; a repeat after an unknown outcome takes a credit
of its own, so WeChat itself refuses a second copy where the reader gave one consent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from time import monotonic
from typing import Final

from models.message import Delivery, DeliveryState, Message, Template
from models.reservation import ReaderId
from models.store.credits import Credits
from models.store.messages import Messages
from models.timerange import at, local_date
from notify.wechat.fields import TemplateConfig, format_fields
from notify.wechat.gateway import MiniProgramState, WeChatGateway
from notify.wechat.verdicts import SendOutcome, SendResult, Step, Verdict, verdict

log = logging.getLogger(__name__)

LEASE: Final = timedelta(seconds=60)
READERS_AT_ONCE: Final = 32
BATCH: Final = 500
ROUND_S: Final = 12.0
"""A round begins no send later than this: what is under way then ends (8 s at most) before the
job's time limit, which would cut it off with its credit spent."""
KEEP_TRYING: Final = timedelta(hours=24)
"""A message without an expiry of its own is old news for WeChat after a day."""


@dataclass(slots=True)
class Channel:
    """The way to WeChat with what this process has learnt about it."""

    gateway: WeChatGateway
    templates: Mapping[Template, TemplateConfig]
    state: MiniProgramState
    openid_of: Callable[[ReaderId], Awaitable[str | None]]
    real_now: Callable[[], datetime]
    paused_until: datetime | None = None
    disabled: set[Template] = field(default_factory=set)
    counted: Callable[[str, int], None] = lambda outcome, times: None


async def deliver(messages: Messages, credits: Credits, channel: Channel, now: datetime) -> int:
    """Send what is due, several readers at once, each reader's messages one after the other."""
    if channel.paused_until is not None and now < channel.paused_until:
        return 0
    channel.paused_until = None
    spared, consenting = await _spare(messages, credits, channel, now)
    readers = dict.fromkeys([*await messages.due_again(now, BATCH), *consenting])
    gate = asyncio.Semaphore(READERS_AT_ONCE)
    stop_at = monotonic() + ROUND_S

    async def one(reader_id: ReaderId) -> int:
        async with gate:
            return await _deliver_to(reader_id, messages, credits, channel, now, stop_at)

    return spared + sum(await asyncio.gather(*(one(reader_id) for reader_id in readers)))


async def _spare(
    messages: Messages, credits: Credits, channel: Channel, now: datetime
) -> tuple[int, list[ReaderId]]:
    """Most readers consent to few messages: what they did not ask for ends here, all at once.

    Returns how many ended so, and the readers who have consented to one that waits.
    """
    ended = 0
    while waiting := await messages.untried(now, BATCH):
        allowed = await credits.known({(reader_id, name) for _, reader_id, name in waiting})
        unasked = [id for id, reader_id, name in waiting if (reader_id, name) not in allowed]
        channel.counted(DeliveryState.NO_CREDIT.value, len(unasked))
        if unasked:
            ended += await messages.settle_untried(unasked, DeliveryState.NO_CREDIT)
        if len(unasked) < BATCH // 2:  # the rest is to be sent, or there is no more
            return ended, [reader for _, reader, name in waiting if (reader, name) in allowed]
    return ended, []


async def _deliver_to(
    reader_id: ReaderId,
    messages: Messages,
    credits: Credits,
    channel: Channel,
    now: datetime,
    stop_at: float,
) -> int:
    done = 0
    while channel.paused_until is None and monotonic() < stop_at:
        delivery = await messages.claim_next(reader_id, now, channel.real_now(), LEASE)
        if delivery is None:
            break
        await _attempt(delivery, messages, credits, channel, now)
        done += 1
    return done


async def _attempt(
    delivery: Delivery, messages: Messages, credits: Credits, channel: Channel, now: datetime
) -> None:
    message = delivery.message
    state, openid = await _obstacle(message, channel, now)
    if state is None and not await credits.take(message.reader_id, message.template):
        state = DeliveryState.NO_CREDIT
    if state is not None or openid is None:
        end = state or DeliveryState.UNBOUND
        channel.counted(end.value, 1)
        await messages.settle(delivery, end)
        return
    config = channel.templates[message.template]
    try:
        data = format_fields(config, message.facts)
    except (ValueError, LookupError):
        # The configured fields and the facts do not fit: no retry can mend it.
        log.exception("wechat_delivery_alarm", extra={"template": message.template.value})
        await credits.add(message.reader_id, message.template)
        await messages.settle(delivery, DeliveryState.FAILED)
        return
    result = await channel.gateway.send_subscribe(
        openid,
        config.template_id,
        None if delivery.without_page else _page(config, message),
        data,
        channel.state,
    )
    channel.counted(result.outcome.value, 1)
    await _follow(
        verdict(result, delivery.attempts), result, delivery, messages, credits, channel, now
    )


async def _obstacle(
    message: Message, channel: Channel, now: datetime
) -> tuple[DeliveryState | None, str | None]:
    """Why it need not be tried, or the openid to send to."""
    if now > (message.not_after or message.at + KEEP_TRYING):
        return DeliveryState.EXPIRED, None
    if message.template in channel.disabled or message.template not in channel.templates:
        return DeliveryState.FAILED, None
    openid = await channel.openid_of(message.reader_id)
    return (None, openid) if openid else (DeliveryState.UNBOUND, None)


async def _follow(
    v: Verdict,
    result: SendResult,
    delivery: Delivery,
    messages: Messages,
    credits: Credits,
    channel: Channel,
    now: datetime,
) -> None:
    message = delivery.message
    if v.alarm:
        log.error(
            "wechat_delivery_alarm",
            extra={"template": message.template.value, "errcode": result.errcode}
            | {"field": result.field, "outcome": result.outcome.value},
        )
    if v.flag_binding:
        log.warning("wechat_binding_suspect", extra={"reader": message.reader_id})
    if v.disable_template:
        channel.disabled.add(message.template)
    if v.pause_until_next_day:
        channel.paused_until = at(local_date(now) + timedelta(days=1), time(0))
    elif v.pause_seconds:
        channel.paused_until = now + timedelta(seconds=v.pause_seconds)
    if v.credit_zero:
        await credits.empty(message.reader_id, message.template)
    elif v.credit_back:
        await credits.add(message.reader_id, message.template)
    if v.step is Step.RETRY:
        due = channel.paused_until or now + timedelta(seconds=v.retry_after_seconds)
        await messages.retry(delivery, due, result.errcode, v.without_page)
        return
    state = {
        SendOutcome.SENT: DeliveryState.SENT,
        SendOutcome.NO_CREDIT: DeliveryState.NO_CREDIT,
    }.get(result.outcome, DeliveryState.FAILED)
    await messages.settle(delivery, state, result.errcode)


def _page(config: TemplateConfig, message: Message) -> str | None:
    if not config.page:
        return None
    return f"{config.page}?id={message.reservation_id}" if message.reservation_id else config.page
