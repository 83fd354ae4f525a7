"""Mails staff members about open work: only kinds and numbers, at most once in ten minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from models.email_addresses.repository import EmailAddressRepository
from models.identity.session_repository import SessionRepository
from models.kernel.ids import ReaderId
from models.kernel.zone import Zone
from models.library.entities import VenueId
from models.staff.alert_kinds import AlertKind, AlertWish, OpenItem
from models.staff.alert_repository import AlertRepository

LASTS: Final = timedelta(days=90)
"""Alerts end this long after the staff member last used the role, so that former staff get none."""
_RENEWED_AFTER: Final = timedelta(days=7)
MAIL_EVERY: Final = timedelta(minutes=10)
OpenItems = Callable[[datetime], Awaitable[Mapping[AlertKind, list[OpenItem]]]]


class StaffMailer(Protocol):
    """Sends a mail to a staff member; ``notify.email`` implements it."""

    async def send_alert(
        self, reader_id: ReaderId, address: str, counts: Mapping[AlertKind, int]
    ) -> bool:
        """Sends the mail with the number of open items of each kind, in the reader's language.
        False if it was not sent."""
        ...


class StaffAlerts:
    def __init__(
        self,
        alerts: AlertRepository,
        sessions: SessionRepository,
        addresses: EmailAddressRepository,
        mailer: StaffMailer,
        open_items: OpenItems,
        zone: Callable[[], Zone],
    ) -> None:
        self._alerts, self._sessions, self._addresses = alerts, sessions, addresses
        self._mailer, self._open_items, self._zone = mailer, open_items, zone
        self._troubles = frozenset[str]()

    async def kinds_of(self, reader_id: ReaderId) -> frozenset[AlertKind]:
        wish = await self._alerts.of(reader_id)
        return wish.kinds if wish is not None else frozenset()

    async def choose(
        self,
        reader_id: ReaderId,
        kinds: Collection[AlertKind],
        venues: Collection[VenueId] | None,
        now: datetime,
    ) -> None:
        """Stores the alerts that a staff member chooses. ``venues`` None: the whole library."""
        await self._alerts.choose(reader_id, kinds, venues, now + LASTS)

    async def run(self, now: datetime) -> int:
        """Mails staff members with new open items; returns the number of mails."""
        await self._renew_for_active_staff(now)
        wishes = await self._alerts.live(now)
        if not wishes:
            return 0
        items = self._lasting(await self._open_items(now))
        return sum([await self._mail(wish, items, now) for wish in wishes])

    async def _renew_for_active_staff(self, now: datetime) -> None:
        """Postpones the expiry of active staff members' alerts, and sets their venues to those
        of the members' roles."""
        at_work = await self._sessions.at_work(await self._alerts.readers(), now)
        for reader_id, principal in at_work.items():
            role, rights = principal.session.role, principal.rights_at(self._zone(), now)
            if role is not None and rights is not None:
                until = role.used_at + LASTS
                await self._alerts.keep(reader_id, rights.venues, until, until - _RENEWED_AFTER)

    def _lasting(
        self, items: Mapping[AlertKind, list[OpenItem]]
    ) -> Mapping[AlertKind, list[OpenItem]]:
        """The items without those of kind ``TROUBLES`` that appeared in this run: many troubles
        are over by the next run."""
        troubles = items.get(AlertKind.TROUBLES, [])
        before, self._troubles = self._troubles, frozenset(item.id for item in troubles)
        return {**items, AlertKind.TROUBLES: [item for item in troubles if item.id in before]}

    async def _mail(
        self, wish: AlertWish, items: Mapping[AlertKind, list[OpenItem]], now: datetime
    ) -> int:
        mine = {
            item.id: kind
            for kind in sorted(wish.kinds)
            for item in items.get(kind, [])
            if item.venue_id is None or wish.venues is None or item.venue_id in wish.venues
        }
        lately = wish.mailed_at is not None and now - wish.mailed_at < MAIL_EVERY
        if lately or not mine.keys() - set(wish.seen):
            return 0
        address = await self._addresses.of(wish.reader_id)
        if not address.address or address.undeliverable:
            return 0
        if not await self._alerts.claim(wish, now, sorted(mine)):
            return 0
        counts = Counter(mine.values())
        if await self._mailer.send_alert(wish.reader_id, address.address, counts):
            return 1
        await self._alerts.give_back(wish, now)
        return 0
