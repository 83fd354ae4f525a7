"""Messages to readers. Each event causes one message, stored for the app and sent by channels."""

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
"""The templates sent by WeChat. ``ANSWER`` is only shown in the app: its text fits no template."""
LONGEST_THING: Final = 20
"""At most this many characters fit WeChat's field type ``thing``, which takes any text. The facts
``seat`` of messages are so short."""
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
    # OFFERED: another seat is held for a reader who has lost the booked one.
    Template.MOVED: _BEGUN | {ReservationState.OFFERED},
}
"""For each template, the reservation states in which its message is still true."""


class Channel(StrEnum):
    """A way to send messages to a reader outside of the app. The value is stored and part of job
    names."""

    WECHAT = "wechat"
    EMAIL = "email"
    WECOM = "wecom"


class DeliveryState(StrEnum):
    """The state of a delivery. ``queued`` and ``sending`` are open; all others are final."""

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
"""Messages with a deadline or consequence for the reader, on by default. Others confirm actions."""


REMINDERS: Final = (
    Template.CHECK_IN_REMINDER,
    Template.ENDING_SOON,
    Template.LEAVE_REMINDER,
    Template.OFFER,
)
"""Messages with a deadline some minutes ahead; after the deadline they are useless."""


@dataclass(frozen=True, slots=True)
class KindChoices:
    """The kinds of messages that a reader has switched on or off for a channel. Kinds without a
    choice are on if they are in ``OF_CONSEQUENCE``."""

    made: Mapping[Template, bool] = field(default_factory=dict)

    def wants(self, template: Template) -> bool:
        return self.made.get(template, template in OF_CONSEQUENCE)

    def refuses(self, template: Template) -> bool:
        return self.made.get(template) is False

    def changed_to(self, enabled: Collection[Template]) -> dict[Template, bool]:
        """The changed choices to store so that exactly the kinds ``enabled`` are switched on."""
        return {t: t in enabled for t in Template if (t in enabled) is not self.wants(t)}


@record
class Message:
    """A message to a reader. `facts`: values for the WeChat template, by fact name; of news about a
    season, its id. `expires_at`: after it, the message is only shown in the app. `request_id`: the
    request or job run that caused it. `typed`: True if the text contains words that a person typed,
    so it is stored encrypted."""

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
    """A message on its way by one channel. `attempts` counts the attempt under way too. `codes`:
    the error codes that the channel has answered. `lease_owner`: the worker's lease. `has_next`:
    True if another message of the reader waits behind it. `unknown`: the number of earlier
    attempts that may have arrived. `omit_page`: a tap on the message opens no page."""

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
    """An attempt's result. `state` is final, or QUEUED until `due`. `reason`: why the message
    waits or was not sent, if `code` does not say it. `unknown`: the message may have arrived."""

    delivery: Delivery
    state: DeliveryState
    code: int | None = None
    due: datetime | None = None
    omit_page: bool = False
    reason: str | None = None
    unknown: bool = False
    msgid: str | None = None
