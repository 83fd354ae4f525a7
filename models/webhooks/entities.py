from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NewType

from models.kernel.ids import ReaderId

WebhookId = NewType("WebhookId", str)
MOST_ENDPOINTS: Final = 10
SECRET_OVERLAP: Final = timedelta(hours=24)
"""After a rotation, the previous secret also signs for this long."""
MOST_OLD_SECRETS: Final = 3


class WebhookEventType(StrEnum):
    """The event types that an endpoint can choose. The values are stored and part of the API."""

    RESERVATION_CREATED = "reservation.created"
    RESERVATION_CHANGED = "reservation.changed"
    RESERVATION_CHECKED_IN = "reservation.checked_in"
    RESERVATION_ENDED = "reservation.ended"
    RESERVATION_NO_SHOW = "reservation.no_show"
    ROOM_BOOKING_CREATED = "room_booking.created"
    ROOM_BOOKING_APPROVED = "room_booking.approved"
    ROOM_BOOKING_CHANGED = "room_booking.changed"
    ROOM_BOOKING_CHECKED_IN = "room_booking.checked_in"
    ROOM_BOOKING_ENDED = "room_booking.ended"
    ROOM_BOOKING_NO_SHOW = "room_booking.no_show"
    ROOM_BLOCK_CREATED = "room_block.created"
    ROOM_BLOCK_CHANGED = "room_block.changed"
    ROOM_BLOCK_ENDED = "room_block.ended"
    SUSPENSION_CREATED = "suspension.created"
    SUSPENSION_LIFTED = "suspension.lifted"
    SEASON_HELD = "season.held"
    SEASON_RELEASED = "season.released"
    AREA_CLOSED = "area.closed"
    AREA_OPENED = "area.opened"


PING: Final = "webhook.ping"
"""The type of a test event. No endpoint chooses it, and it is not stored."""


class DisabledBy(StrEnum):
    """The reason why an endpoint is disabled: by a staff member, or because it answered 410
    Gone. A disabled endpoint receives test events only. The value is stored."""

    STAFF = "staff"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A program that receives events.

    `events`: the types it receives. `personal`: its events include readers' names and numbers.
    `rev` grows with each change of the settings or the secret, and if it is enabled or disabled.
    `secret_rev`: the value of `rev` when the current secret was set. Previous secrets also sign
    until `old_secret_until`. `failures`: failed attempts in a row. Nothing but test events is sent
    before `paused_until`.
    """

    id: WebhookId
    url: str
    description: str
    events: frozenset[WebhookEventType]
    personal: bool = False
    disabled_by: DisabledBy | None = None
    rev: int = 0
    created_at: datetime | None = None
    old_secret_until: datetime | None = None
    secret_rev: int = 1
    failures: int = 0
    paused_until: datetime | None = None

    @property
    def enabled(self) -> bool:
        return self.disabled_by is None

    def is_paused(self, now: datetime) -> bool:
        """True while the endpoint is paused, after failures or at the receiver's request."""
        return self.paused_until is not None and now < self.paused_until


@dataclass(frozen=True, slots=True)
class WebhookKeys:
    """An endpoint's keys. `secrets` sign requests, newest first; `reader_key` makes pseudonyms."""

    secrets: tuple[str, ...] = field(repr=False)
    reader_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event for other programs.

    `subject`: the id of the reservation, booking or block of a room, or suspension, or `area:` and
    the area's id. `seq`: increases from event to event of a subject. `facts`: fields of the body's
    `data`, without the reader; nothing in them identifies a reader.
    """

    id: str
    type: WebhookEventType
    at: datetime
    subject: str
    seq: int
    reader_id: ReaderId | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


class WebhookDeliveryState(StrEnum):
    """The state of a delivery. ``queued`` and ``sending`` are open; ``delivered`` and ``dead``
    have ended. The value is stored."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """The result of one attempt. `status`: the HTTP status of the answer; None without an
    answer, and `error` then says why, in a fixed word such as ``timeout``. `retry_after_s`: the
    wait in seconds that the receiver asks for."""

    status: int | None
    error: str = ""
    took_ms: int = 0
    retry_after_s: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """One event that is queued for, or was sent to, one endpoint.

    `due`: time of the next attempt. `attempts` counts the attempt under way too. `give_up_at`: time
    after which no further attempt is planned. `holder` identifies the worker's lease; empty without
    one.
    """

    id: str
    endpoint_id: WebhookId
    event: WebhookEvent
    state: WebhookDeliveryState
    attempts: int
    due: datetime
    give_up_at: datetime
    result: WebhookResult | None = None
    tried_at: datetime | None = None
    holder: str = ""


@dataclass(frozen=True, slots=True)
class WebhookStanding:
    """Counts of an endpoint's deliveries. `oldest`: when the oldest open one was queued."""

    waiting: int = 0
    oldest: datetime | None = None
    dead: int = 0
