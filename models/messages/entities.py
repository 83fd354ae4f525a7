"""What is told to readers: one message an event, kept in the app, and its deliveries by channel."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId, ReservationId
from models.kernel.records import record
from models.reservations.state_machine import ReservationState


class Template(StrEnum):
    """The messages of this service."""

    RESERVED = "RESERVED"
    CHECK_IN_REMINDER = "CHECK_IN_REMINDER"
    NO_SHOW = "NO_SHOW"
    CHECKED_IN = "CHECKED_IN"
    ENDING_SOON = "ENDING_SOON"
    ENDED = "ENDED"
    LEAVE = "LEAVE"
    LEAVE_REMINDER = "LEAVE_REMINDER"
    LEAVE_TIMEOUT = "LEAVE_TIMEOUT"
    SUSPENDED = "SUSPENDED"
    MOVED = "MOVED"
    OFFER = "OFFER"
    ANSWER = "ANSWER"


WECHAT_TEMPLATES: Final = tuple(
    template for template in Template if template is not Template.ANSWER
)
"""Those that WeChat carries, each with the reader's consent. The library's answer to a question
stays in the app: its text fits no template."""
_PRESENT: Final = frozenset({ReservationState.IN_USE, ReservationState.AWAY})
_BEGUN: Final = frozenset(ReservationState) - {ReservationState.RESERVED, ReservationState.OFFERED}
RELEVANT_STATES: Final[Mapping[Template, frozenset[ReservationState]]] = {
    Template.RESERVED: frozenset({ReservationState.RESERVED}),
    Template.CHECK_IN_REMINDER: frozenset({ReservationState.RESERVED}),
    Template.CHECKED_IN: _PRESENT,
    Template.ENDING_SOON: _PRESENT,
    Template.LEAVE: frozenset({ReservationState.AWAY}),
    Template.LEAVE_REMINDER: frozenset({ReservationState.AWAY}),
    Template.OFFER: frozenset({ReservationState.OFFERED}),
    **dict.fromkeys(
        (
            *(Template.NO_SHOW, Template.ENDED, Template.LEAVE_TIMEOUT),
            *(Template.SUSPENDED, Template.ANSWER),
        ),
        _BEGUN,
    ),
    # Also of another seat that is held for who has lost theirs.
    Template.MOVED: _BEGUN | {ReservationState.OFFERED},
}
"""In which states of its reservation a message still says what is so."""


class Channel(StrEnum):
    """A way to a reader outside of the app. The value is stored and stands in the names of jobs."""

    WECHAT = "wechat"
    EMAIL = "email"
    WECOM = "wecom"


class DeliveryState(StrEnum):
    """``queued`` and ``sending`` are on the way; the others are ends. A message without a delivery
    by a channel was not wanted there: nobody consented to it, or there is no address."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    NO_CONSENT = "no_consent"
    UNBOUND = "unbound"
    EXPIRED = "expired"
    FAILED = "failed"


OF_CONSEQUENCE: Final = frozenset(
    {
        Template.CHECK_IN_REMINDER,
        Template.NO_SHOW,
        Template.LEAVE_REMINDER,
        Template.LEAVE_TIMEOUT,
        Template.SUSPENDED,
        Template.MOVED,
        Template.OFFER,
        Template.ANSWER,
    }
)
"""What has a deadline or a consequence. The others confirm what the reader has just done: with them
a day would bring ten messages."""


REMINDERS: Final = (
    Template.CHECK_IN_REMINDER,
    Template.ENDING_SOON,
    Template.LEAVE_REMINDER,
    Template.OFFER,
)
"""What has a deadline some minutes ahead: worth nothing afterwards."""


@dataclass(frozen=True, slots=True)
class KindChoices:
    """The kinds of messages that a reader has switched on or off; for the others it is what has a
    consequence."""

    made: Mapping[Template, bool] = field(default_factory=dict)

    def wants(self, template: Template) -> bool:
        """Whether messages of this kind are wanted."""
        return self.made.get(template, template in OF_CONSEQUENCE)

    def refuses(self, template: Template) -> bool:
        """Whether the reader has switched this kind off."""
        return self.made.get(template) is False

    def changed_to(self, wanted: Collection[Template]) -> dict[Template, bool]:
        """The kinds to switch for a reader who wants these from now on and no others. A kind that
        is as they want it already is not switched: they have chosen nothing there."""
        return {t: t in wanted for t in Template if (t in wanted) is not self.wants(t)}


@record
class Message:
    """One message to one reader.

    ``facts`` are the values of the WeChat template by fact name; after ``expires_at`` no channel
    need be bothered any more (a reminder after the fact). In the app it stays all the same.
    ``request_id`` is that of the request or run which it tells of. ``typed``: somebody's own words
    stand in the text, as in every answer.
    """

    id: str
    reader_id: ReaderId
    template: Template
    title: str
    text: str
    at: datetime
    facts: Mapping[str, object]
    reservation_id: ReservationId | None = None
    expires_at: datetime | None = None
    read: bool = False
    request_id: str = ""
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way by one channel, leased to ``lease_owner``.

    ``attempts`` counts the present one too, ``unknown`` those before it that may have arrived;
    ``has_next`` says that another of the reader's waits behind it on this channel. ``codes`` are
    the channel's answers so far. ``omit_page`` goes without the page that a tap would open.
    """

    id: str
    message: Message
    attempts: int
    omit_page: bool
    codes: tuple[int, ...] = field(default=())
    lease_owner: str = ""
    has_next: bool = False
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What became of an attempt: an end, or another one at ``due`` (the state is then QUEUED).

    ``reason`` is why it waits or was not sent, where ``code`` does not tell; ``unknown`` says that
    this attempt may have arrived; ``msgid`` is the channel's name for what it took.
    """

    delivery: Delivery
    state: DeliveryState
    code: int | None = None
    due: datetime | None = None
    omit_page: bool = False
    reason: str | None = None
    unknown: bool = False
    msgid: str | None = None
