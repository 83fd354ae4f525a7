"""API tokens, which grant programs of the library or its partners limited access."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from models.kernel.ids import ReaderId
from models.kernel.zone import Zone

TOKEN_PREFIX: Final = "seats_"
"""The first characters of every API token. No session token begins with them."""
ACTOR_PREFIX: Final = "program:"
"""The prefix of the id that stands for an API token in the audit log instead of a reader's id."""


class Scope(StrEnum):
    """A permission of an API token. The value is stored, and part of OpenAPI."""

    CATALOG_READ = "catalog:read"
    OCCUPANCY_READ = "occupancy:read"
    RESERVATIONS_READ = "reservations:read"
    RESERVATIONS_WRITE = "reservations:write"
    STATISTICS_READ = "statistics:read"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token without its secret. ``name``: its purpose, in words; ``per_minute``: the
    requests allowed in a minute; ``created_by``: the administrator who created it."""

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

    def last_day(self, zone: Zone) -> date:
        """The last day on which the token is valid."""
        return zone.day(self.expires_at - timedelta(seconds=1))

    @property
    def actor_id(self) -> ReaderId:
        """The id that stands for the token in histories and the audit log."""
        return ReaderId(ACTOR_PREFIX + self.id)
