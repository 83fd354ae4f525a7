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
"""The previous secret also signs for this long after a rotation."""
MOST_OLD_SECRETS: Final = 3


class WebhookEventType(StrEnum):
    """The events that a program can receive. The value is stored and part of the API."""

    RESERVATION_CREATED = "reservation.created"
    RESERVATION_CHANGED = "reservation.changed"
    RESERVATION_CHECKED_IN = "reservation.checked_in"
    RESERVATION_ENDED = "reservation.ended"
    RESERVATION_NO_SHOW = "reservation.no_show"
    SUSPENSION_CREATED = "suspension.created"
    SUSPENSION_LIFTED = "suspension.lifted"
    AREA_CLOSED = "area.closed"
    AREA_OPENED = "area.opened"


PING: Final = "webhook.ping"
"""The type of a test event, which no endpoint chooses and which is not stored."""


class DisabledBy(StrEnum):
    """The reason why an endpoint receives nothing. The value is stored."""

    STAFF = "staff"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A program that receives events. ``rev`` grows with each change by the staff. ``failures``:
    failed attempts in a row; nothing is sent before ``paused_until``. Previous secrets sign
    until ``old_secret_until``; ``secret_rev``: the revision that introduced the current one."""

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
        """True while a pause lasts, after failures or at the receiver's request."""
        return self.paused_until is not None and now < self.paused_until


@dataclass(frozen=True, slots=True)
class WebhookKeys:
    """``secrets`` sign, newest first; ``reader_key`` makes readers' pseudonyms."""

    secrets: tuple[str, ...] = field(repr=False)
    reader_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """``seq``: position among the subject's events. Nothing in ``facts`` identifies a reader."""

    id: str
    type: WebhookEventType
    at: datetime
    subject: str
    seq: int
    reader_id: ReaderId | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


class WebhookDeliveryState(StrEnum):
    """``queued`` and ``sending`` are under way. The value is stored."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """The result of one attempt. ``status``: the answer's, or None with ``error``, a static
    word. ``retry_after_s``: the wait that the receiver asks for."""

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
    """One event on its way to one endpoint. ``attempts`` includes the current one; ``holder``
    identifies the worker's claim. After ``give_up_at`` the delivery is dead."""

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
    """Numbers of an endpoint's waiting and dead deliveries, and since when the oldest one waits."""

    waiting: int = 0
    oldest: datetime | None = None
    dead: int = 0
