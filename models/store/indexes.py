"""All indexes, made by one function; each is declared beside its repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pymongo
from pymongo import IndexModel

from models.store import (
    activation_codes,
    allowances,
    audit,
    cards,
    credits,
    days,
    feedback,
    gates,
    identity,
    leases,
    messages,
    notices,
    outages,
    pauses,
    pushes,
    reservations,
    scans,
    throttles,
    violations,
    waits,
)
from models.store.client import Database, ping, upstream

INDEXES: Final[Mapping[str, list[IndexModel]]] = {
    **reservations.INDEXES,
    **identity.INDEXES,
    **activation_codes.INDEXES,
    **messages.INDEXES,
    **violations.INDEXES,
    **credits.INDEXES,
    **throttles.INDEXES,
    **leases.INDEXES,
    **notices.INDEXES,
    **allowances.INDEXES,
    **cards.INDEXES,
    **scans.INDEXES,
    **waits.INDEXES,
    **outages.INDEXES,
    **pauses.INDEXES,
    **pushes.INDEXES,
    **feedback.INDEXES,
    **gates.INDEXES,
    **audit.INDEXES,
    **days.INDEXES,
}


_BUILD_S: Final = 3600.0
"""Over millions of documents a new index takes minutes, where a request has seconds."""


async def ensure_indexes(db: Database) -> None:
    """Create what is missing. Idempotent, and safe with several workers at once.

    Raises: Upstream, within seconds, when MongoDB does not answer.
    """
    await ping(db)  # the long patience below would also wait for a server that is not there
    with upstream(), pymongo.timeout(_BUILD_S):
        for collection, models in INDEXES.items():
            await db[collection].create_indexes(models)
