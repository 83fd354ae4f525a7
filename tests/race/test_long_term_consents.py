"""WeChat refuses a message of a long-term template while its reader accepts again."""

from __future__ import annotations

from typing import Any, Final

from models.kernel.ids import ReaderId
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.messages.consent_repository import ConsentRepository
from models.messages.entities import Channel, Template
from notify.delivery.circuit_breaker import CircuitBreaker
from notify.delivery.worker import DeliveryWorker
from notify.wechat.channel import WeChatChannel
from notify.wechat.retry_policy import SendResult, SendStatus
from notify.wechat.template_config import TemplateConfig
from tests.builders import ZONE
from tests.deliveries import queue_of, state_of, tell
from tests.race.channel_messages import MINUTE, message, openids_of
from tests.race.stage import Stage, clock, guarded, unguard

LI: Final = ReaderId("5" * 24)
REMINDER: Final = Template.CHECK_IN_REMINDER


class Refusing:
    """WeChat's stand-in: the reader refused, and accepts again before our worker gets the
    answer."""

    def __init__(self, consents: ConsentRepository) -> None:
        self._consents, self.calls = consents, 0

    async def answers(self) -> bool:
        return True

    async def send_subscribe(self, *_: object) -> SendResult:
        self.calls += 1
        if self.calls > 1:
            return SendResult(SendStatus.SENT, 0)
        await self._consents.accept_for_good(LI, REMINDER)
        return SendResult(SendStatus.NO_CONSENT, 43101)


@guarded
async def test_an_accept_during_a_refused_send_is_kept(stage: Stage, guard: bool) -> None:
    reader_side, ours = ConsentRepository(stage.db), ConsentRepository(stage.db)
    if not guard:
        unguard(ours)
    await reader_side.accept_for_good(LI, REMINDER)
    wechat: Any = Refusing(reader_side)
    pauses = ChannelPauseRepository(stage.db, Channel.WECHAT, "wx")
    channel = WeChatChannel(
        wechat,
        {REMINDER: TemplateConfig("t-1", "p", {}, long_term=True)},
        "formal",
        openids_of,
        ours,
        CircuitBreaker(pauses, lambda: clock(9)),
        zone=lambda: ZONE,
    )
    worker = DeliveryWorker(
        queue_of(stage.db, stage.cipher), channel, stage.stored.reservations.many, lambda: clock(9)
    )
    first, second = message(LI, clock(9), 60 * MINUTE), message(LI, clock(9, 1), 60 * MINUTE)
    for sent, expected in ((first, "no_consent"), (second, "sent" if guard else "no_consent")):
        await tell(stage.db, stage.cipher, [sent])
        while await worker.run(clock(9, 2)):
            pass
        assert await state_of(stage.db, sent) == expected
    assert wechat.calls == (2 if guard else 1), "the control has lost the accept"
    await worker.close()
