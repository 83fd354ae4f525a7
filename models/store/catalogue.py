"""The library's data (venues, areas, plans, kiosks) and its policy versions."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime, time
from typing import Any, Final

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from models.library import (
    Area,
    AreaId,
    Kiosk,
    KioskId,
    Library,
    Mark,
    Seat,
    SeatId,
    Venue,
    VenueId,
)
from models.policy import OpeningRule, Policy, RuleSet
from models.store.client import (
    Changed,
    Database,
    Document,
    insert,
    rev_before,
    upstream,
    won,
)
from models.store.installation import known_fields
from models.store.sealing import Sealer, fingerprint


class Catalogue:
    """Venues, areas and kiosks. Written by the seed and the console, read whole."""

    def __init__(self, db: Database, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer

    async def put(
        self, venues: Sequence[Venue], areas: Sequence[Area], kiosks: Sequence[Kiosk]
    ) -> None:
        """Add those that are not there; what is there is the console's to change. Idempotent.

        Workers that serve load the library anew when they see that its number has grown.
        """
        wanted: dict[str, list[Document]] = {
            "venues": [{"_id": venue.id, "name": venue.name} for venue in venues],
            "areas": [_area_document(area) for area in areas],
            "kiosks": [_kiosk_document(kiosk) for kiosk in kiosks],
        }
        with upstream():
            for name, documents in wanted.items():
                for document in documents:
                    await self._db[name].update_one(
                        {"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True
                    )
            await self._count_up()

    async def _count_up(self, session: Any = None) -> None:
        await self._db["catalogue"].update_one(
            {"_id": "library"}, {"$inc": {"number": 1}}, upsert=True, session=session
        )

    async def add_area(self, area: Area) -> bool:
        """False where there is one of that id."""
        return await self._add("areas", _area_document(area))

    async def add_kiosk(self, kiosk: Kiosk) -> bool:
        """False where there is one of that id. It has no key yet."""
        return await self._add("kiosks", _kiosk_document(kiosk))

    async def _add(self, name: str, document: Document) -> bool:
        async def work(session: Any) -> None:
            await self._db[name].insert_one(document, session=session)
            await self._count_up(session)

        return await won(self._db, work)

    async def replace_area(self, area: Area) -> bool:
        """Write the area over the one that it was made from, whose ``rev`` is one less. False where
        somebody else has changed that one since."""

        async def work(session: Any) -> None:
            result = await self._db["areas"].replace_one(
                {"_id": area.id, "rev": {"$in": rev_before(area.rev)}},
                _area_document(area),
                session=session,
            )
            if not result.matched_count:
                raise Changed
            await self._count_up(session)

        return await won(self._db, work)

    async def number(self) -> int:
        """How often the library has been written: cheap to ask, unlike the library itself."""
        with upstream():
            found = await self._db["catalogue"].find_one({"_id": "library"})
        return int(found["number"]) if found else 0

    async def load(self) -> Library:
        """The whole library; its version is a hash of all of it."""
        with upstream():
            venues = await self._db["venues"].find().sort("_id").to_list(None)
            areas = (
                await self._db["areas"]
                .find()
                .sort([("floor", 1), ("order", 1), ("_id", 1)])
                .to_list(None)
            )
            kiosks = (
                await self._db["kiosks"]
                .find({}, {"venue": 1, "name": 1, "kind": 1})
                .sort("_id")
                .to_list(None)
            )
        text = json.dumps([venues, areas, kiosks], sort_keys=True, ensure_ascii=False)
        with known_fields(self._db, "an area"):
            plans = {a["_id"]: _area(a) for a in areas}
        return Library(
            version=hashlib.sha256(text.encode()).hexdigest()[:12],
            venues={v["_id"]: Venue(v["_id"], v["name"]) for v in venues},
            areas=plans,
            kiosks={
                k["_id"]: Kiosk(KioskId(k["_id"]), VenueId(k["venue"]), k["name"], k["kind"])
                for k in kiosks
            },
        )

    async def issue_kiosk_key(self, kiosk_id: KioskId, key: str, secret: str) -> None:
        """Give the kiosk its key (kept as a fingerprint) and its code secret (kept sealed)."""
        with upstream():
            await self._db["kiosks"].update_one(
                {"_id": kiosk_id},
                {
                    "$set": {
                        "key_hash": fingerprint(key),
                        "secret": self._sealer.seal(secret, "kiosk"),
                    }
                },
            )

    async def kiosk_secret(self, kiosk_id: str) -> str | None:
        with upstream():
            found = await self._db["kiosks"].find_one({"_id": kiosk_id}, {"secret": 1})
        sealed = found.get("secret") if found else None
        return self._sealer.open(sealed, "kiosk") if sealed else None

    async def kiosk_key_fits(self, kiosk_id: str, key: str) -> bool:
        with upstream():
            found = await self._db["kiosks"].find_one({"_id": kiosk_id}, {"key_hash": 1})
        known = (found or {}).get("key_hash") or ""
        return secrets.compare_digest(known, fingerprint(key))

    async def screen_seen(self, kiosk_id: KioskId, now: datetime) -> None:
        """The kiosk's screen is there."""
        with upstream():
            await self._db["kiosks"].update_one({"_id": kiosk_id}, {"$max": {"seen_at": now}})

    async def screens(self) -> dict[KioskId, datetime]:
        """When each kiosk with a screen was last seen."""
        with upstream():
            rows = (
                await self._db["kiosks"]
                .find({"seen_at": {"$type": "date"}}, {"seen_at": 1})
                .to_list(None)
            )
        return {KioskId(row["_id"]): row["seen_at"] for row in rows}

    async def reseal(self) -> int:
        """As Readers.reseal, for the kiosks' secrets."""
        current = f"{self._sealer.current}:"
        with upstream():
            rows = await self._db["kiosks"].find({"secret": {"$type": "string"}}).to_list(None)
            stale = [row for row in rows if not row["secret"].startswith(current)]
            for row in stale:
                secret = self._sealer.open(row["secret"], "kiosk")
                await self._db["kiosks"].update_one(
                    {"_id": row["_id"], "secret": row["secret"]},
                    {"$set": {"secret": self._sealer.seal(secret, "kiosk")}},
                )
        return len(stale)


class Policies:
    """Versions of the policy. A version is written once and never changed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._all = db["policies"]

    async def put(self, policy: Policy, now: datetime) -> None:
        """Add a version, the newest from then on. Writing an existing version changes nothing."""
        with upstream():
            await self._all.update_one(
                {"_id": policy.version},
                {"$setOnInsert": {"at": now, "fields": _policy_document(policy)}},
                upsert=True,
            )

    async def add(self, policy: Policy, now: datetime) -> bool:
        """Add the next version. False where that number is taken: somebody else was first."""
        with upstream():
            try:
                await insert(
                    self._all,
                    {"_id": policy.version, "at": now, "fields": _policy_document(policy)},
                )
            except DuplicateKeyError:
                return False
        return True

    async def newest(self) -> int | None:
        """The newest version's number."""
        with upstream():
            found = await self._all.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return int(found["_id"]) if found else None

    async def farthest_horizon(self) -> int:
        """How many days ahead could ever be booked."""
        with upstream():
            found = await self._all.find_one(
                {}, {"fields.horizon_days": 1}, sort=[("fields.horizon_days", DESCENDING)]
            )
        return int(found["fields"]["horizon_days"]) if found else Policy().horizon_days

    async def versions(self, limit: int) -> list[tuple[int, datetime]]:
        """The newest versions, each with when it was published."""
        with upstream():
            rows = await self._all.find({}, {"at": 1}).sort("_id", -1).limit(limit).to_list(None)
        return [(int(row["_id"]), row["at"]) for row in rows]

    async def get(self, version: int) -> Policy | None:
        with upstream():
            found = await self._all.find_one({"_id": version})
        with known_fields(self._db, f"version {version} of the rules"):
            return _policy(found) if found else None


def _kiosk_document(kiosk: Kiosk) -> Document:
    return {"_id": kiosk.id, "venue": kiosk.venue_id, "name": kiosk.name, "kind": kiosk.kind}


def _area_document(area: Area) -> Document:
    return {
        "_id": area.id,
        "venue": area.venue_id,
        "name": area.name,
        "floor": area.floor,
        "order": area.order,
        "width": area.width,
        "height": area.height,
        "seats": [_seat_document(seat) for seat in area.seats],
        "marks": [asdict(mark) for mark in area.marks],
        "removed": [_seat_document(seat) for seat in area.removed],
        "rev": area.rev,
    }


_LATER: Final = frozenset({"disabled_from", "disabled_until", "rule_sets", "accessible_kept"})
"""Fields that came later. They are written where they say something: the version before reads what
does without them, beside this one and after it."""


_SEAT_FIELDS: Final = tuple(field.name for field in fields(Seat) if field.name != "area_id")


def _seat_document(seat: Seat) -> Document:
    values = {key: getattr(seat, key) for key in _SEAT_FIELDS}
    return {
        key: value.isoformat() if isinstance(value, date) else value
        for key, value in values.items()
        if value or key not in _LATER
    }


def _seat(area_id: AreaId, d: Document) -> Seat:
    days = {
        name: date.fromisoformat(d[name])
        for name in ("disabled_from", "disabled_until")
        if d.get(name)
    }
    return Seat(**{**d, **days, "id": SeatId(d["id"])}, area_id=area_id)


def _area(d: Document) -> Area:
    area_id = AreaId(d["_id"])
    return Area(
        id=area_id,
        venue_id=VenueId(d["venue"]),
        name=d["name"],
        floor=d["floor"],
        order=d["order"],
        width=d["width"],
        height=d["height"],
        seats=tuple(_seat(area_id, seat) for seat in d["seats"]),
        marks=tuple(Mark(**mark) for mark in d["marks"]),
        removed=tuple(_seat(area_id, seat) for seat in d.get("removed", ())),
        rev=d.get("rev", 0),
    )


def _policy_document(policy: Policy) -> Document:
    document: Document = {}
    for field in fields(policy):
        value = getattr(policy, field.name)
        if field.name == "opening":
            value = [_opening_document(rule) for rule in value]
        elif field.name == "meals":
            value = [[_clock(a), _clock(b)] for a, b in value]
        elif field.name == "opens_at":
            value = _clock(value)
        elif field.name == "areas":
            value = {area: dict(numbers) for area, numbers in value.items()}
        elif field.name == "rule_sets":
            value = [_rule_set_document(rules) for rules in value]
        if value or field.name not in _LATER:
            document[field.name] = value
    return document


def _rule_set_document(rules: RuleSet) -> Document:
    return {
        "name": rules.name,
        "first": rules.first.isoformat(),
        "last": rules.last.isoformat(),
        "numbers": dict(rules.numbers),
        "area_id": rules.area_id,
    }


def _rule_set(d: Document) -> RuleSet:
    days = {name: date.fromisoformat(d[name]) for name in ("first", "last")}
    return RuleSet(**{**d, **days})


def _opening_document(rule: OpeningRule) -> Document:
    return {
        "opens": _clock(rule.opens),
        "closes": _clock(rule.closes),
        "first": rule.first.isoformat() if rule.first else None,
        "last": rule.last.isoformat() if rule.last else None,
        "weekdays": sorted(rule.weekdays),
        "venue_id": rule.venue_id,
        "area_id": rule.area_id,
        "reason": rule.reason,
        "priority": rule.priority,
    }


def _policy(d: Mapping[str, Any]) -> Policy:
    stored = dict(d["fields"])
    stored["opening"] = tuple(_opening(rule) for rule in stored["opening"])
    stored["rule_sets"] = tuple(_rule_set(rules) for rules in stored.get("rule_sets", ()))
    stored["meals"] = tuple((_time(a), _time(b)) for a, b in stored["meals"])
    stored["opens_at"] = _time(stored["opens_at"]) if stored["opens_at"] else None
    return Policy(**stored)


def _opening(d: Document) -> OpeningRule:
    hours = {name: _time(d[name]) if d[name] else None for name in ("opens", "closes")}
    days = {name: date.fromisoformat(d[name]) if d[name] else None for name in ("first", "last")}
    return OpeningRule(**{**d, **hours, **days, "weekdays": frozenset(d["weekdays"])})


def _clock(value: time | None) -> str | None:
    return f"{value:%H:%M}" if value else None


def _time(text: str) -> time:
    return time.fromisoformat(text)
