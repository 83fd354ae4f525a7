"""The WeChat channel sends subscribe messages. Each message needs a consent of its reader and uses
it up; a long-term consent is not used up.

A message that may have arrived is repeated only if it has a consequence for the reader, since the
repeat uses up another consent, which a later message may need. Without another stored consent the
message is repeated too: if the first copy used up the only consent, WeChat refuses the second.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final

from models.kernel.ids import ReaderId
from models.kernel.zone import Zone
from models.messages.consent_repository import ConsentKey, ConsentRepository
from models.messages.entities import (
    OF_CONSEQUENCE,
    Channel,
    Delivery,
    DeliveryResult,
    DeliveryState,
    Message,
    Template,
)
from notify.delivery.channel import UNKNOWN, PreparedDelivery, SendOutcome
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.wechat.mini_program import MiniProgramClient, MiniProgramState
from notify.wechat.official_account import HOME
from notify.wechat.retry_policy import NextStep, RetryDecision, SendResult, SendStatus, decide_retry
from notify.wechat.template_config import TemplateConfig, format_fields

log = logging.getLogger(__name__)
CONCURRENCY: Final = 50
"""At most this many messages are sent in parallel: a thousand a second, if a call takes 50 ms."""
LEASE: Final = timedelta(seconds=60)
"""How long a worker may keep a delivery; longer than a check and a send, up to 8 s each."""
_ENDS: Final = {
    SendStatus.SENT: DeliveryState.SENT,
    SendStatus.NO_CONSENT: DeliveryState.NO_CONSENT,
}
REFUSED_FOR_S: Final = 3600.0
"""Seconds until a template that WeChat refused is tried again, in case it was corrected."""
_NOT_CALLED: Final = SendOutcome(DeliveryState.FAILED, DeliveryState.FAILED.value, called=False)
_TEMPLATE_OFF: Final = SendOutcome(
    DeliveryState.FAILED, SendStatus.BAD_TEMPLATE.value, called=False
)


@dataclass(slots=True)
class WeChatChannel:
    gateway: MiniProgramClient
    templates: Mapping[Template, TemplateConfig]
    state: MiniProgramState
    openids_of: Callable[[Collection[ReaderId]], Awaitable[Mapping[ReaderId, str]]]
    consents: ConsentRepository
    breaker: CircuitBreaker
    zone: Callable[[], Zone]
    name: Channel = Channel.WECHAT
    concurrency: int = CONCURRENCY
    lease: timedelta = LEASE
    seconds: Callable[[], float] = monotonic
    refused_until: dict[Template, float] = field(default_factory=dict)
    """Templates that WeChat does not know or has banned, and when each is tried again."""
    _unused: list[ConsentKey] = field(default_factory=list)
    _spent: list[ConsentKey] = field(default_factory=list)
    _ended: dict[ConsentKey, str] = field(default_factory=dict)
    """The marks of long-term consents that WeChat no longer knows, until ``flush`` ends them."""

    async def requested(self, messages: Sequence[Message]) -> Collection[str]:
        keys = {(m.reader_id, m.template) for m in messages if m.template is not Template.ANSWER}
        once, long_term = self._by_type(keys)
        allowed: set[ConsentKey] = set()
        if once:
            allowed |= await self.consents.with_consent(once)
        if long_term:
            allowed |= (await self.consents.standing(long_term)).keys()
        return {m.id for m in messages if (m.reader_id, m.template) in allowed}

    async def can_stand_in(self, messages: Sequence[Message]) -> Collection[str]:
        """Returns no message: WeChat accepts none without a consent to its template."""
        return ()

    def _by_type(self, keys: Collection[ConsentKey]) -> tuple[list[ConsentKey], list[ConsentKey]]:
        """Splits ``keys`` into those of one-time templates, which need a consent for each
        message, and those of long-term templates."""
        parted: tuple[list[ConsentKey], list[ConsentKey]] = [], []
        for key in keys:
            config = self.templates.get(key[1])
            parted[config is not None and config.long_term].append(key)
        return parted

    async def prepare(
        self, deliveries: Sequence[Delivery], send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        """Reads the readers' openids, and uses up a consent for each message that needs one."""
        ready: list[PreparedDelivery] = []
        ends = [DeliveryResult(d, DeliveryState.FAILED) for d in deliveries if not self._sends(d)]
        deliveries = [d for d in deliveries if self._sends(d)]
        openids: Mapping[ReaderId, str] = {}
        taken: Collection[ConsentKey] = ()
        standing: Mapping[ConsentKey, str] = {}
        if deliveries:
            openids = await self.openids_of([d.message.reader_id for d in deliveries])
        once, long_term = self._by_type(
            [_consent(d) for d in deliveries if d.message.reader_id in openids]
        )
        if once:
            taken = await self.consents.consume(once)
        if long_term:
            standing = await self.consents.standing(long_term)
        for d in deliveries:
            openid = openids.get(d.message.reader_id)
            credit, mark = _consent(d) in taken, standing.get(_consent(d), "")
            if openid is None:
                ends.append(DeliveryResult(d, DeliveryState.UNBOUND))
            elif not credit and not mark and not d.unknown:
                ends.append(DeliveryResult(d, DeliveryState.NO_CONSENT))
            else:
                ready.append(PreparedDelivery(d, openid, send_by, credit, mark))
        return ready, ends

    def _sends(self, d: Delivery) -> bool:
        return d.message.template in self.templates and not self._is_refused(d.message.template)

    def _is_refused(self, template: Template) -> bool:
        until = self.refused_until.get(template)
        return until is not None and self.seconds() < until

    async def answers(self) -> bool:
        return await self.gateway.answers()

    async def send(self, ready: PreparedDelivery) -> SendOutcome:
        d, message = ready.delivery, ready.delivery.message
        if self._is_refused(message.template):
            self.give_back(ready)
            return _TEMPLATE_OFF
        config = self.templates[message.template]
        try:
            # For one message at a time: a batch would block requests on the event loop.
            values = format_fields(config, self.zone().local_facts(message.facts))
        except (ValueError, LookupError):
            # The configured fields and the facts do not fit: no retry can mend it.
            log.exception("wechat_delivery_alarm", extra={"template": message.template.value})
            self.give_back(ready)
            return _NOT_CALLED
        result = await self.gateway.send_subscribe(
            ready.address,
            config.template_id,
            None if d.omit_page else _page(config, message),
            values,
            self.state,
        )
        repeats = message.template in OF_CONSEQUENCE
        decision = decide_retry(result, d.attempts, d.unknown, repeats=repeats)
        self._apply(decision, result, ready)
        retries = decision.step is NextStep.RETRY
        # No consent is left for a second copy: the first one may have used it up.
        spent_before = result.outcome is SendStatus.NO_CONSENT and d.unknown > 0
        end = DeliveryState.FAILED if spent_before else _ENDS.get(result.outcome)
        return SendOutcome(
            DeliveryState.QUEUED if retries else end or DeliveryState.FAILED,
            UNKNOWN if spent_before else result.outcome.value,
            result.errcode,
            result.msgid,
            decision.retry_after_seconds,
            decision.pause,
            decision.away,
            result.unknown or spent_before,
            decision.without_page,
        )

    def _apply(self, v: RetryDecision, result: SendResult, ready: PreparedDelivery) -> None:
        message = ready.delivery.message
        if v.alarm and not (v.disable_template and self._is_refused(message.template)):
            log.error(
                "wechat_delivery_alarm",
                extra={"template": message.template.value, "errcode": result.errcode}
                | {"field": result.field, "outcome": result.outcome.value},
            )
        if v.flag_binding:
            log.warning("wechat_binding_suspect", extra={"reader": message.reader_id})
        if v.disable_template:
            self.refused_until[message.template] = self.seconds() + REFUSED_FOR_S
        if v.credit_zero and ready.standing:
            self._ended[_consent(ready.delivery)] = ready.standing
        elif v.credit_zero:
            self._spent.append(_consent(ready.delivery))
        elif v.credit_back:
            self.give_back(ready)

    def give_back(self, ready: PreparedDelivery) -> None:
        """Gives back the consent that was used up for the message; ``flush`` writes it."""
        if ready.credit:
            self._unused.append(_consent(ready.delivery))

    async def flush(self) -> None:
        """Writes the consents that were given back; ends those that WeChat no longer knows.
        Called before a postponed message is queued again: its next attempt finds the consent."""
        spent, self._spent = self._spent, []
        try:
            await self.consents.clear(spent)
        except BaseException:
            self._spent += spent
            raise
        ended, self._ended = self._ended, {}
        try:
            await self.consents.end_standing(ended)
        except BaseException:
            self._ended = ended | self._ended
            raise
        unused, self._unused = self._unused, []
        try:
            await self.consents.restore(unused)
        except BaseException:
            self._unused += unused
            raise


def _consent(d: Delivery) -> ConsentKey:
    return d.message.reader_id, d.message.template


def _page(config: TemplateConfig, message: Message) -> str | None:
    """The page that a tap on the message opens: its reservation's, or the first page for a
    message without a reservation; None if the template opens no page."""
    if not config.page:
        return None
    return f"{config.page}?id={message.reservation_id}" if message.reservation_id else HOME
