from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from miniapp_server.repositories import Repositories
from models.deadlines.jobs import DeadlineJobs
from models.erasure.entities import Keeping
from models.erasure.service import ErasureService
from models.kernel.errors import Busy
from models.messages.channel_pause_repository import ChannelPauseRepository
from models.parties import rules as parties
from models.reference_data import ReferenceData
from models.reservations.errors import Suspended
from models.rooms import rules as rooms
from models.storage.attempt_limiter import AttemptLimiter

_PRUNE_AT_ONCE: Final = 5000
_ANONYMISED_AT_ONCE: Final = 1000
_FORGET_AT_ONCE: Final = 20
_KEEP_CODES: Final = timedelta(days=1)
_KEEP_TOMBSTONES: Final = timedelta(days=1)
_KEEP_PAUSES: Final = timedelta(days=7)
_KEEP_WEBHOOKS: Final = timedelta(days=7)
_KEEP_DEAD: Final = timedelta(days=30)
"""How long an undelivered webhook is kept, so that it can be sent again."""
_KEEP_BLOCKS: Final = timedelta(days=1)
"""How long a block of a room keeps its claims after its day, since it may go over midnight."""
_KEEP_TICKETS: Final = timedelta(minutes=10)
"""How long the service remembers tickets that single logout ended before their use. A ticket of
CAS is valid for at most 5 minutes."""


class Retention:
    """Deletes expired data. A run deletes at most one batch of each large collection."""

    def __init__(
        self,
        repositories: Repositories,
        pauses: Collection[ChannelPauseRepository],
        attempts: AttemptLimiter,
        deadlines: DeadlineJobs,
        erasure: ErasureService,
        keeping: Keeping,
        reference: ReferenceData,
    ) -> None:
        self._repositories, self._pauses, self._attempts = repositories, pauses, attempts
        self._deadlines, self._erasure = deadlines, erasure
        self._keeping, self._reference = keeping, reference

    async def prune(self, now: datetime, real_now: datetime) -> int:
        """Deletes expired data. Returns how many past reservations lost their claims; a full
        batch makes the job repeat. ``real_now``: MongoDB's time, without the sandbox's offset."""
        r = self._repositories
        claims = await self._deadlines.release_past_claims(now)
        await r.reservations.drop_tombstones(real_now - _KEEP_TOMBSTONES)
        await r.parties.forget(self._reference.zone.day(now - parties.KEPT_FOR))
        await r.room_bookings.drop_past_claims(
            self._reference.zone.day(now - rooms.CLAIMS_KEPT_FOR)
        )
        await r.room_blocks.drop_past_claims(self._reference.zone.day(now - _KEEP_BLOCKS))
        await r.room_blocks.forget(self._reference.zone.day(now - self._keeping.reservations))
        await r.seasons.forget(self._reference.zone.day(now - self._keeping.reservations))
        await r.sessions.prune(now, now - _KEEP_TICKETS)
        await r.activation_codes.prune(now - _KEEP_CODES)
        await r.review_codes.prune(now - _KEEP_CODES)
        await r.used_once.prune(real_now)
        await self._attempts.prune(now)
        await r.wechat_callbacks.prune(now - _KEEP_CODES)
        for pauses in self._pauses:
            await pauses.prune(now - _KEEP_PAUSES)
        old = await r.messages.ids_before(real_now - self._keeping.messages, _PRUNE_AT_ONCE)
        await r.messages.delete(await r.deliveries.delete_ended(old))
        await r.gate_events.prune(now - self._keeping.movements)
        await r.kiosk_pairings.prune(now)
        await r.kiosk_scans.prune(now - self._keeping.movements)
        await r.api_tokens.prune(now - self._keeping.audit)
        await r.audit_log.prune(now - self._keeping.audit, _PRUNE_AT_ONCE)
        await r.feedback.prune(now - self._keeping.feedback, _PRUNE_AT_ONCE)
        await r.fault_reports.prune(now - self._keeping.feedback, _PRUNE_AT_ONCE)
        await r.webhook_deliveries.prune(
            now - _KEEP_WEBHOOKS, now - _KEEP_DEAD, [e.id for e in await r.webhooks.all()]
        )
        await r.past.forget(
            self._reference.zone, now - self._keeping.reservations, _ANONYMISED_AT_ONCE
        )
        await self._forget_visitors(now)
        return claims

    async def _forget_visitors(self, now: datetime) -> None:
        """Erases visitors whose visit ended before the retention period. Visitors who are
        suspended or have just been active are erased in a later run."""
        last_day = self._reference.zone.day(now - self._keeping.visitors)
        readers = self._repositories.readers
        for reader in await readers.visitors_until(last_day, now, _FORGET_AT_ONCE):
            with suppress(Suspended, Busy):  # tried again in a later run
                await self._erasure.erase(reader, now)
