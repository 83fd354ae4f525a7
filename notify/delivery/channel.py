"""The interface of a delivery channel, and the outcomes of its attempts. What all channels have
in common is in ``notify/delivery/worker.py``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from languages.catalogue import CHINESE
from languages.text import Language
from models.kernel.ids import ReaderId
from models.messages.channel_pause import PauseReason
from models.messages.entities import Channel, Delivery, DeliveryResult, DeliveryState, Message
from notify.delivery.circuit_breaker import CircuitBreaker

SEND_WITHIN_S: Final = 40.0
"""A message is sent at most this many seconds after its delivery was claimed from the queue."""
UNKNOWN: Final = "unknown"
"""The `reason` of a delivery that ended with an unknown outcome: the message may have arrived."""
DELAYS: Final = (1.0, 5.0, 25.0, 60.0, 120.0, 300.0)
"""Seconds before each retry of a message that was surely not sent; the last value is repeated."""
REPEATS_S: Final = (120.0, 600.0)
"""Seconds before each repeat of a message that may have arrived, so that the channel can recover.
Copies of a mail have the same Message-ID, WeCom drops them within half an hour, WeChat shows them.
"""
MAX_UNKNOWN: Final = 1 + len(REPEATS_S)
"""A delivery ends after this many attempts with an unknown outcome."""


def delay(attempts: int) -> float:
    """Seconds to wait after attempt number ``attempts`` (1 or more) before the next one."""
    return DELAYS[min(attempts, len(DELAYS)) - 1]


def repeat_after_s(unknown_before: int) -> float | None:
    """Seconds before a message that may have arrived is sent again; None if it is not, after this
    many earlier attempts with an unknown outcome."""
    return REPEATS_S[unknown_before] if unknown_before < len(REPEATS_S) else None


@dataclass(frozen=True, slots=True)
class PreparedDelivery:
    """A claimed delivery that can be sent until ``send_by`` (seconds of the monotonic clock).
    `address`: the reader's address in the channel. `credit`: True if a consent was used up for
    the message. `standing`: the mark of the long-term consent to the message, or empty.
    `language`: the reader's, for channels that write in it."""

    delivery: Delivery
    address: str
    send_by: float
    credit: bool = False
    standing: str = ""
    language: Language = CHINESE


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The outcome of one attempt.

    Attributes:
        state: the final state of the delivery, or QUEUED for another attempt.
        kind: the outcome in one word, for metrics, and as the reason while the delivery waits.
        code: the channel's error code, None without an answer.
        pause: the reason to pause all sending, for a refusal that would meet every message.
        away: the channel did not accept the call; several such calls in a row pause all sending.
        unknown: the message may have arrived, but no answer confirms it.
        omit_page: the next attempt sends the message without a page to open.
        called: False if the channel was not called, so the outcome says nothing about the channel.
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
    called: bool = True


def away(d: Delivery, kind: str, code: int | None, *, unknown: bool) -> SendOutcome:
    """The outcome of a call that the channel did not accept. A message that surely did not
    arrive is retried until it expires. One that may have arrived (``unknown``) is repeated after
    each of ``REPEATS_S``; then the delivery has failed."""
    if not unknown:
        return SendOutcome(
            DeliveryState.QUEUED, kind, code, retry_after_s=delay(d.attempts), away=True
        )
    wait_s = repeat_after_s(d.unknown)
    state = DeliveryState.FAILED if wait_s is None else DeliveryState.QUEUED
    return SendOutcome(state, kind, code, retry_after_s=wait_s or 0.0, away=True, unknown=True)


LanguagesOf = Callable[[Collection[ReaderId]], Awaitable[Mapping[ReaderId, str]]]
"""Loads the tags of readers' languages. Readers without one are left out."""


class DeliveryChannel(Protocol):
    name: Channel
    breaker: CircuitBreaker
    concurrency: int
    lease: timedelta
    """Lifetime of a delivery's lease: ``SEND_WITHIN_S``, a send and writing the result."""

    async def requested(self, messages: Sequence[Message]) -> Collection[str]:
        """The ids of the messages that their readers want by this channel."""
        ...

    async def can_stand_in(self, messages: Sequence[Message]) -> Collection[str]:
        """The ids of the messages that may go by this channel while their own channels are
        paused: the reader has an address here and has not switched the kind off."""
        ...

    async def prepare(
        self, deliveries: Sequence[Delivery], send_by: float
    ) -> tuple[list[PreparedDelivery], list[DeliveryResult]]:
        """Makes deliveries ready to send; uses up the consents that messages need. Returns the
        deliveries that can be sent, and the results of those that cannot, for example without an
        address. Raises: Unavailable; no consent is used up then."""
        ...

    async def answers(self) -> bool:
        """Makes a call that sends nothing. True if the channel answers it, even with a refusal."""
        ...

    async def send(self, ready: PreparedDelivery) -> SendOutcome:
        """Sends one message; returns the outcome. Failures are outcomes, not exceptions."""
        ...

    def give_back(self, ready: PreparedDelivery) -> None:
        """Gives back a consent that ``prepare`` used up for a delivery that was then not tried."""
        ...

    async def flush(self) -> None:
        """Writes records that the channel itself keeps of its attempts, such as changed
        consents. Called before the results are written. May be repeated."""
        ...
