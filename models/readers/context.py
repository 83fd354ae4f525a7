"""Who makes a request, by which way and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.kernel.ids import Actor
from models.readers.entities import Reader


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """An idempotency key with the digest of the request that carried it."""

    value: str
    digest: str


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asks, how, and when."""

    reader: Reader
    actor: Actor
    now: datetime
    key: IdempotencyKey | None = None
