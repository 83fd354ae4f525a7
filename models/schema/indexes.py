"""Creates all indexes of the database. Each index is declared in the module of its repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pymongo
from pymongo import IndexModel

from models.calendar_feed import repository as calendar_feed_repository
from models.code_sharing import scan_repository
from models.fault_reports import repository as fault_repository
from models.favourites import repository as favourites_repository
from models.feedback import repository as feedback_repository
from models.gates import event_repository
from models.identity import (
    activation_code_repository,
    api_token_repository,
    review_code_repository,
    used_once_repository,
)
from models.kiosks import pairing_repository
from models.messages import (
    channel_pause_repository,
    choice_repository,
    consent_repository,
    delivery_repository,
)
from models.messages import repository as messages_repository
from models.notices import repository
from models.opening_draw import draw_repository as opening_draws_repository
from models.opening_draw import repository as opening_draw_repository
from models.outages import heartbeat_repository
from models.outages import repository as outages_repository
from models.reader_groups import repository as reader_groups_repository
from models.readers import accommodation_repository, card_repository
from models.readers import repository as readers_repository
from models.reservation_store import indexes
from models.seasons import repository as seasons_repository
from models.staff import alert_repository, audit_repository
from models.statistics import repository as statistics_repository
from models.statistics import room_repository as room_statistics_repository
from models.storage import attempt_limiter, event_outbox
from models.storage.mongo import Database, ping
from models.storage.mongo_errors import translate_errors
from models.violations import repository as violations_repository
from models.waitlist import repository as waitlist_repository
from models.webhooks import delivery_repository as webhook_delivery_repository
from models.webhooks import endpoint_repository
from models.wechat import callback_log_repository

INDEXES: Final[Mapping[str, list[IndexModel]]] = {
    **indexes.INDEXES,
    **readers_repository.INDEXES,
    **favourites_repository.INDEXES,
    **calendar_feed_repository.INDEXES,
    **reader_groups_repository.INDEXES,
    **activation_code_repository.INDEXES,
    **api_token_repository.INDEXES,
    **review_code_repository.INDEXES,
    **used_once_repository.INDEXES,
    **messages_repository.INDEXES,
    **delivery_repository.INDEXES,
    **choice_repository.INDEXES,
    **violations_repository.INDEXES,
    **consent_repository.INDEXES,
    **attempt_limiter.INDEXES,
    **heartbeat_repository.INDEXES,
    **repository.INDEXES,
    **pairing_repository.INDEXES,
    **opening_draw_repository.INDEXES,
    **opening_draws_repository.INDEXES,
    **seasons_repository.INDEXES,
    **accommodation_repository.INDEXES,
    **card_repository.INDEXES,
    **scan_repository.INDEXES,
    **waitlist_repository.INDEXES,
    **outages_repository.INDEXES,
    **channel_pause_repository.INDEXES,
    **callback_log_repository.INDEXES,
    **feedback_repository.INDEXES,
    **fault_repository.INDEXES,
    **event_repository.INDEXES,
    **audit_repository.INDEXES,
    **alert_repository.INDEXES,
    **statistics_repository.INDEXES,
    **room_statistics_repository.INDEXES,
    **event_outbox.INDEXES,
    **endpoint_repository.INDEXES,
    **webhook_delivery_repository.INDEXES,
}
_BUILD_S: Final = 3600.0
"""Time limit in seconds of an index build, which takes minutes over millions of documents."""


async def ensure_indexes(db: Database) -> None:
    """Creates missing indexes. Idempotent, and several workers may run it simultaneously.
    Raises: Unavailable within seconds if MongoDB does not answer."""
    await ping(db)  # the long timeout below would also apply to an unreachable server
    with translate_errors(), pymongo.timeout(_BUILD_S):
        for collection, models in INDEXES.items():
            await db[collection].create_indexes(models)
