"""API tokens: what a program of the library, or of somebody whom it trusts, may ask and do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date

TOKEN_PREFIX: Final = "seats_"
"""What every API token begins with, and no session's token does."""
ACTOR_PREFIX: Final = "program:"
"""What stands in the audit log before a token's id, where a reader's id would be."""


class Scope(StrEnum):
    """What a token is good for. The value is stored, and stands in OpenAPI."""

    CATALOG_READ = "catalog:read"
    OCCUPANCY_READ = "occupancy:read"
    RESERVATIONS_READ = "reservations:read"
    RESERVATIONS_WRITE = "reservations:write"
    STATISTICS_READ = "statistics:read"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One that was made, without its secret. ``name`` says what for; ``per_minute`` are the
    requests that it may make; ``created_by`` is the administrator."""

    id: str
    name: str
    scopes: frozenset[Scope]
    per_minute: int
    created_by: ReaderId
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    @property
    def last_day(self) -> date:
        """The last day on which it opens something."""
        return local_date(self.expires_at - timedelta(seconds=1))

    @property
    def actor_id(self) -> ReaderId:
        """Who has done it, where a program has."""
        return ReaderId(ACTOR_PREFIX + self.id)
