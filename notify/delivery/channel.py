"""The way to WeChat: what a message needs before it is sent, and what its answer makes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.messages.consent_repository import ConsentRepository
from models.messages.entities import Delivery, DeliveryResult, DeliveryState, Message, Template
from models.messages.mapping import DEFAULT_EXPIRY
from models.reservations.entities import Reservation
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.delivery.relevance import LATE_AFTER, is_overtaken
from notify.wechat.mini_program import MiniProgramClient, MiniProgramState
from notify.wechat.retry_policy import MAX_UNKNOWN, NextStep, RetryDecision, SendResult, SendStatus
from notify.wechat.template_config import TemplateConfig

UNKNOWN: Final = "unknown"
"""The reason of what may have arrived."""
LATE: Final = "late"
"""The reason of what had expired before it could be tried."""
OVERTAKEN: Final = "overtaken"
"""The reason of what was not true any more when it could be sent."""
_MOMENT: Final = timedelta(milliseconds=1)
"""The database's smallest: the first instant after an expiry."""
ConsentKey = tuple[ReaderId, Template]


@dataclass(slots=True)
class WeChatChannel:
    """The way to WeChat with what this process has learnt about it."""

    gateway: MiniProgramClient
    templates: Mapping[Template, TemplateConfig]
    state: MiniProgramState
    openids_of: Callable[[Collection[ReaderId]], Awaitable[Mapping[ReaderId, str]]]
    real_now: Callable[[], datetime]
    breaker: CircuitBreaker
    reservations_of: Callable[
        [Collection[ReservationId]], Awaitable[Mapping[ReservationId, Reservation]]
    ]
    disabled: set[Template] = field(default_factory=set)
    counted: Callable[[str, int], None] = lambda outcome, times: None


@dataclass(frozen=True, slots=True)
class PreparedDelivery:
    """Claimed and ready to be sent; ``send_by`` is in monotonic seconds, ``credit`` says that one
    was taken for it."""

    delivery: Delivery
    openid: str
    send_by: float
    credit: bool


async def prepare(
    channel: WeChatChannel,
    credits: ConsentRepository,
    claimed: Sequence[Delivery],
    now: datetime,
    send_by: float,
) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
    """Everything up to the send: those to be sent, and the ends of those that need not be.

    Raises: ServiceUnavailable, and nothing has been taken.
    """
    going: list[Delivery] = []
    ends: list[DeliveryResult] = []
    about = await _late_about(channel, claimed, now)
    for d in claimed:
        end = _skip_reason(channel, d, about, now)
        if end is None:
            going.append(d)
        else:
            ends.append(end)
    openids: Mapping[ReaderId, str] = {}
    taken: Collection[ConsentKey] = ()
    if going:
        openids = await channel.openids_of([d.message.reader_id for d in going])
    if wanted := [consent(d) for d in going if d.message.reader_id in openids]:
        taken = await credits.consume(wanted)
    ready: list[PreparedDelivery] = []
    for d in going:
        openid = openids.get(d.message.reader_id)
        credit = consent(d) in taken
        if openid is None:
            ends.append(DeliveryResult(d, DeliveryState.UNBOUND))
        elif not credit and not d.unknown:
            ends.append(DeliveryResult(d, DeliveryState.NO_CONSENT))
        else:
            ready.append(PreparedDelivery(d, openid, send_by, credit))
    for outcome in ends:
        channel.counted(outcome.state.value, 1)
    return ready, ends


async def _late_about(
    channel: WeChatChannel, claimed: Sequence[Delivery], now: datetime
) -> Mapping[ReservationId, Reservation]:
    """The reservations of those messages that had to wait: they may have moved on."""
    late = {
        d.message.reservation_id
        for d in claimed
        if d.message.reservation_id is not None and now - d.message.at > LATE_AFTER
    }
    return await channel.reservations_of(late) if late else {}


def _skip_reason(
    channel: WeChatChannel, d: Delivery, about: Mapping[ReservationId, Reservation], now: datetime
) -> DeliveryResult | None:
    """Why it need not be tried. ``about`` has the reservations of those that had to wait."""
    if now > _worth_until(d.message):
        return DeliveryResult(d, DeliveryState.EXPIRED, reason=None if d.attempts > 1 else LATE)
    if d.unknown >= MAX_UNKNOWN:
        return DeliveryResult(d, DeliveryState.FAILED, reason=UNKNOWN)
    r = about.get(d.message.reservation_id) if d.message.reservation_id else None
    if r is not None and is_overtaken(d.message, r):
        return DeliveryResult(d, DeliveryState.EXPIRED, reason=OVERTAKEN)
    template = d.message.template
    if template in channel.disabled or template not in channel.templates:
        return DeliveryResult(d, DeliveryState.FAILED)
    return None


def outcome_of(
    v: RetryDecision, result: SendResult, d: Delivery, now: datetime, breaker: CircuitBreaker
) -> DeliveryResult:
    """What is written of an attempt with that result."""
    if v.step is not NextStep.RETRY:
        state = {
            SendStatus.SENT: DeliveryState.SENT,
            SendStatus.NO_CONSENT: DeliveryState.NO_CONSENT,
        }.get(result.outcome, DeliveryState.FAILED)
        reason = UNKNOWN if result.unknown else None
        return DeliveryResult(d, state, result.errcode, reason=reason, msgid=result.msgid)
    left = _worth_until(d.message) - now
    # At most half of the time that is left, so that there is another attempt before it expires.
    due = now + min(timedelta(seconds=v.retry_after_seconds) * breaker.jitter(), left / 2)
    if breaker.pause is not None:
        due = max(due, breaker.pause.until)
    # It comes to its end in time, and the reader's next one does not wait for it.
    due = min(due, _worth_until(d.message) + _MOMENT)
    return DeliveryResult(
        d,
        DeliveryState.QUEUED,
        result.errcode,
        due,
        v.without_page,
        UNKNOWN if result.unknown else result.outcome.value,
        result.unknown,
    )


def _worth_until(message: Message) -> datetime:
    return message.expires_at or message.at + DEFAULT_EXPIRY


def consent(d: Delivery) -> ConsentKey:
    """The consent that sending it uses up."""
    return d.message.reader_id, d.message.template
