"""The rules of the library's time zone by which changes are made: those of the newest release of
tzdata that any worker has had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from pymongo.errors import DuplicateKeyError

from models.kernel.zone import Zone
from models.storage.installation import ABOUT
from models.storage.mongo import Database, Document
from models.storage.mongo_errors import translate_errors

_RULES: Final = "zone_rules"
_MINUTE: Final = timedelta(minutes=1)


class ZoneRulesRepository:
    def __init__(self, db: Database) -> None:
        self._all = db[ABOUT]

    async def newest(self, zone: Zone, release: str) -> tuple[str, Zone]:
        """Stores the zone as the rules of this release of tzdata, unless those of the same or of
        a newer release are stored. Returns the release and the zone that are stored then."""
        while True:
            with translate_errors():
                stored = await self._all.find_one({"_id": _RULES})
            is_ours = stored is not None and stored["zone"] == zone.name
            if stored is not None and is_ours and _number(stored["release"]) >= _number(release):
                return stored["release"], _zone(stored, zone.slot_clock)
            # Only in the place of what was read: another worker may have newer rules.
            release_then = stored["release"] if stored is not None else {"$exists": False}
            with translate_errors():
                try:
                    await self._all.update_one(
                        {"_id": _RULES, "release": release_then},
                        {"$set": _document(zone, release)},
                        upsert=stored is None,
                    )
                except DuplicateKeyError:
                    continue


def _number(release: str) -> list[int]:
    return [int(part) for part in release.split(".") if part.isdigit()]


def _document(zone: Zone, release: str) -> Document:
    offsets = [offset.utcoffset(None) // _MINUTE for offset in zone.offsets]
    changes = list(zone.changes)
    return {"zone": zone.name, "release": release, "changes": changes, "offsets": offsets}


def _zone(d: Document, slot_clock: timezone) -> Zone:
    offsets = tuple(timezone(minutes * _MINUTE, d["zone"]) for minutes in d["offsets"])
    changes: tuple[datetime, ...] = tuple(change.astimezone(UTC) for change in d["changes"])
    return Zone(d["zone"], slot_clock, changes, offsets)
