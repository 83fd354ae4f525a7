"""What a channel of delivery is: its part of preparing a message, sending it, and its outcomes.

A channel is a class with these methods. The queue, its order, leases, retries and the pause are the
same for all of them (``notify/delivery/worker.py``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from models.messages.channel_pause import PauseReason
from models.messages.entities import Channel, Delivery, DeliveryResult, DeliveryState, Message
from notify.delivery.circuit_breaker import CircuitBreaker

SEND_WITHIN_S: Final = 40.0
"""A send begins no later after its claim."""
UNKNOWN: Final = "unknown"
"""The reason of what may have arrived."""
MAX_UNKNOWN: Final = 2
"""Attempts of one delivery by WeChat or 企业微信 whose outcome nobody knows: each of them may have
arrived."""
DELAYS: Final = (1.0, 5.0, 25.0, 60.0, 120.0, 300.0)
"""Seconds before the next attempt of what was surely not sent; the last one for all later ones."""
UNKNOWN_DELAY: Final = 120.0
"""Before the one repeat of what may have arrived: by then a channel that was away is back, or
is known to be away."""


def delay(attempts: int) -> float:
    """Seconds before the next attempt after so many."""
    return DELAYS[min(attempts, len(DELAYS)) - 1]


@dataclass(frozen=True, slots=True)
class PreparedDelivery:
    """Leased and ready to be sent to ``address``; ``send_by`` is in monotonic seconds.

    ``credit``: a consent was used up for it (WeChat). ``standing``: the mark of the consent that it
    rests on without using it up.
    """

    delivery: Delivery
    address: str
    send_by: float
    credit: bool = False
    standing: str = ""


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What came of one attempt.

    Attributes:
        state: the end that the delivery has come to; QUEUED asks for another attempt.
        kind: what happened in one word, for counting, and why it waits.
        code: the channel's own number for it, None without an answer.
        msgid: the channel's name for what it took.
        retry_after_s: how long this delivery waits before its next attempt.
        pause: why all sending stops, for a refusal that would meet every message.
        away: the channel did not take the call at all; several in a row stop all sending.
        unknown: it may have arrived, though nobody has said so.
        omit_page: the next attempt goes without a page.
        asked: False where the channel was never asked: it says nothing about it.
    """

    state: DeliveryState
    kind: str
    code: int | None = None
    msgid: str | None = None
    retry_after_s: float = 0.0
    pause: PauseReason | None = None
    away: bool = False
    unknown: bool = False
    omit_page: bool = False
    asked: bool = True


def away(
    d: Delivery,
    kind: str,
    code: int | None,
    *,
    unknown: bool,
    repeats: Sequence[float] = (UNKNOWN_DELAY,),
) -> SendOutcome:
    """The channel did not take the call. What was surely not sent is tried again until it expires;
    what may have arrived (``unknown``), as often as ``repeats`` says, each after so many seconds.
    """
    if not unknown:
        return SendOutcome(
            DeliveryState.QUEUED, kind, code, retry_after_s=delay(d.attempts), away=True
        )
    again = d.unknown < len(repeats)
    state = DeliveryState.QUEUED if again else DeliveryState.FAILED
    wait_s = repeats[d.unknown] if again else 0.0
    return SendOutcome(state, kind, code, retry_after_s=wait_s, away=True, unknown=True)


class DeliveryChannel(Protocol):
    """One way to readers, with what this process has learnt about it."""

    name: Channel
    breaker: CircuitBreaker
    concurrency: int
    """Sends under way at once."""
    lease: timedelta
    """For how long a worker holds what it has claimed: to send it, which begins ``SEND_WITHIN_S``
    after the claim at the latest, and to write what came of it."""

    max_unknown: int
    """Attempts of one delivery whose outcome nobody knows, until it has failed."""

    async def wanted(self, messages: Sequence[Message]) -> Collection[str]:
        """The ids of those of the messages that shall go this way."""
        ...

    async def can_stand_in(self, messages: Sequence[Message]) -> Collection[str]:
        """The ids of those that it could carry where their readers' usual way is paused: there is
        an address, and the reader has not switched their kind off here."""
        ...

    async def prepare(
        self, going: Sequence[Delivery], send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        """Those to be sent, with their addresses, and the ends of those that cannot be.

        Raises: Unavailable, and nothing has been taken.
        """
        ...

    async def answers(self) -> bool:
        """Whether the channel answers a call that sends nothing, be it with a refusal."""
        ...

    async def send(self, ready: PreparedDelivery) -> SendOutcome:
        """Send it. Failures are outcomes, not exceptions."""
        ...

    def give_back(self, ready: PreparedDelivery) -> None:
        """It was prepared and never tried."""
        ...

    async def flush(self) -> None:
        """Write what the channel itself keeps of its attempts, before their outcomes are written.
        May be repeated."""
        ...
