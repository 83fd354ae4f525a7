"""Webhook endpoints, the events that they receive, and what became of each delivery."""

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
"""So long after a rotation the secret of before signs too."""
MOST_OLD_SECRETS: Final = 3
"""That many secrets of before sign at most."""


class WebhookEventType(StrEnum):
    """What a program can be told of. The value stands on the wire and is stored."""

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
"""The type of a test, which no endpoint chooses and nobody keeps."""


class DisabledBy(StrEnum):
    """Why an endpoint receives nothing. The value is stored."""

    STAFF = "staff"
    GONE = "gone"
    """It answered 410: it is not there any more."""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """A program that is told. Secrets stay in the store (``WebhookEndpointRepository.with_keys``).

    ``rev`` grows with each change by the staff. ``failures`` are attempts in a row that have
    failed; nothing is sent before ``paused_until``. ``old_secret_until``: until when secrets
    of before sign too; ``secret_rev``: the revision that has the present one.
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
        """Is nothing sent to it for now, as it has failed often or asked for a pause?"""
        return self.paused_until is not None and now < self.paused_until


@dataclass(frozen=True, slots=True)
class WebhookKeys:
    """``secrets`` sign, the newest first; ``reader_key`` makes the names of readers."""

    secrets: tuple[str, ...] = field(repr=False)
    reader_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """Something that happened to ``subject``; ``seq`` is its place among the subject's events.

    ``facts`` are ids, instants and words of the contract; nothing in them says who a reader is.
    """

    id: str
    type: WebhookEventType
    at: datetime
    subject: str
    seq: int
    reader_id: ReaderId | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


class WebhookDeliveryState(StrEnum):
    """``queued`` and ``sending`` are on the way. The value is stored."""

    QUEUED = "queued"
    SENDING = "sending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class WebhookResult:
    """The answer to one attempt: ``status`` (None: there was none), or ``error``, a static word.
    ``took_ms``: how long it took. ``retry_after_s``: how long the receiver asks to wait."""

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
    """One event on its way to one endpoint. ``attempts`` counts the one under way; ``holder`` is
    the claim of whoever sends it. It is given up at ``give_up_at``."""

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
    """How an endpoint stands: how many wait, since when the oldest, and how many are dead."""

    waiting: int = 0
    oldest: datetime | None = None
    dead: int = 0
