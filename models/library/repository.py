from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final, Protocol

from models.library.entities import (
    USUAL_SOURCES,
    Area,
    AreaState,
    Catalog,
    Kiosk,
    KioskId,
    PresenceSource,
    Venue,
    VenueId,
    device_order,
)
from models.library.errors import VenueChanged, VenueInUse
from models.library.mapping import (
    area_from_document,
    area_to_document,
    room_to_document,
)
from models.library.names import Floor
from models.library.rooms import Room
from models.library.seat_features import NO_FEATURES, SeatFeature, SeatFeatures
from models.storage.event_outbox import StoredEvent, put_event
from models.storage.installation import known_fields
from models.storage.mongo import Collection, Database, Document, previous_revisions
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction

_FEATURES: Final = "all"
"""The id of the one document of ``seat_features``, so that the database decides between two
changes of the list."""


class CatalogRepository:
    """Stores venues, areas and kiosks. Workers load the library as a whole, and load it again
    when ``versions`` has changed."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add_missing(
        self,
        venues: Sequence[Venue],
        areas: Sequence[Area],
        kiosks: Sequence[Kiosk],
        rooms: Sequence[Room] = (),
    ) -> None:
        """Inserts the venues, areas, kiosks and rooms that do not exist yet. Existing ones stay
        unchanged: they are changed in the console only. Idempotent. Runs in one transaction,
        which conflicts with a concurrent choice of the library's time zone."""
        missing: dict[str, list[Document]] = {
            "venues": [venue_to_document(venue) for venue in venues],
            "areas": [area_to_document(area) for area in areas],
            "kiosks": [kiosk_to_document(kiosk) for kiosk in kiosks],
            "rooms": [room_to_document(room) for room in rooms],
        }

        async def work(session: Any) -> None:
            for name, documents in missing.items():
                for document in documents:
                    await self._db[name].update_one(
                        {"_id": document["_id"]},
                        {"$setOnInsert": document},
                        upsert=True,
                        session=session,
                    )
            await count_up(self._db, session)

        while not await try_transaction(self._db, work):
            pass  # another process has just added one of them

    async def add_area(self, area: Area) -> bool:
        """Adds the area. False if its id exists."""
        return await self.write_areas([area], [])

    async def add_kiosk(self, kiosk: Kiosk) -> bool:
        """Adds a kiosk without a key. False if the id exists."""
        return await self._add("kiosks", kiosk_to_document(kiosk))

    async def _add(self, name: str, document: Document) -> bool:
        async def work(session: Any) -> None:
            await require_venue(self._db, document["venue"], session)
            await self._db[name].insert_one(document, session=session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def add_venue(self, venue: Venue) -> bool:
        """Adds the venue. False if its id exists."""

        async def work(session: Any) -> None:
            await self._db["venues"].insert_one(venue_to_document(venue), session=session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def remove_venue(self, venue: Venue) -> bool:
        """Deletes the venue. False if changed meanwhile. Raises: VenueInUse (area, kiosk,
        gate, room)."""

        async def work(session: Any) -> None:
            for name in ("areas", "kiosks", "gates", "rooms"):
                mine = {"venue": venue.id}
                if await self._db[name].find_one(mine, {"_id": 1}, session=session) is not None:
                    raise VenueInUse()
            before = {"_id": venue.id, "rev": {"$in": previous_revisions(venue.rev + 1)}}
            result = await self._db["venues"].delete_one(before, session=session)
            if not result.deleted_count:
                raise ConcurrentUpdate
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def replace_venues(self, venues: Sequence[Venue]) -> bool:
        """Replaces all these venues by their next revisions, or none. False if one was changed."""

        async def work(session: Any) -> None:
            for venue in venues:
                await self._put("venues", venue.rev, venue_to_document(venue), session=session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def replace_area(self, area: Area, events: Sequence[StoredEvent] = ()) -> bool:
        """Replaces the area's previous revision and stores the events. False if outdated."""
        return await self.write_areas([], [area], events)

    async def write_areas(
        self, new: Sequence[Area], changed: Sequence[Area], events: Sequence[StoredEvent] = ()
    ) -> bool:
        """Inserts ``new``, replaces ``changed``, deletes the pictures of deleted areas and stores
        ``events``, in one transaction. False, without any change, if a new id exists or an area was
        changed meanwhile. Raises: VenueChanged if a venue was deleted or retired meanwhile."""

        async def work(session: Any) -> None:
            for area in new:
                await require_venue(self._db, area.venue_id, session)
                await self._db["areas"].insert_one(area_to_document(area), session=session)
            for area in changed:
                if area.in_use:
                    await require_venue(self._db, area.venue_id, session)
                await self._put("areas", area.rev, area_to_document(area), session)
                if area.state is AreaState.DELETED:
                    await self._db["plan_pictures"].delete_one({"_id": area.id}, session=session)
            for event in events:
                await put_event(self._db, event, session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def replace_kiosk(self, old: Kiosk, new: Kiosk) -> bool:
        """Replaces ``old``; deletes a retired kiosk's key. False if ``old`` is outdated."""
        taken = {"$unset": {"key_hash": "", "secret": ""}} if new.retired else {}
        names: Document = dict(old.names) or {"$in": [{}, None]}

        async def work(session: Any) -> None:
            if new.venue_id != old.venue_id:
                await require_venue(self._db, new.venue_id, session)
            result = await self._db["kiosks"].update_one(
                {**device_as_seen(old), "names": names},
                {"$set": {**kiosk_to_document(new), "retired": new.retired}, **taken},
                session=session,
            )
            if not result.matched_count:
                raise ConcurrentUpdate
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def put_kiosks_in_order(self, kiosks: Sequence[Kiosk]) -> bool:
        """Sets the kiosks' order. False, without any change, if a kiosk was changed meanwhile."""

        async def work(session: Any) -> None:
            await write_order(self._db["kiosks"], kiosks, session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def delete_kiosk(self, kiosk: Kiosk) -> bool:
        """Deletes the kiosk. False if its screen was ever in contact: data may refer to it."""

        async def work(session: Any) -> None:
            result = await self._db["kiosks"].delete_one(
                {"_id": kiosk.id, "last_seen_at": {"$exists": False}}, session=session
            )
            if not result.deleted_count:
                raise ConcurrentUpdate
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def replace_venue(self, venue: Venue) -> bool:
        """Replaces the venue's previous revision. False if it was changed meanwhile. Raises:
        VenueInUse if a venue that is to be retired has an area or a room in use."""

        async def work(session: Any) -> None:
            for name, in_use in (
                ("areas", {"state": AreaState.IN_USE.value}),
                ("rooms", {"retired": False}),
            ):
                mine = {"venue": venue.id, **in_use}
                if venue.retired and await self._db[name].find_one(mine, session=session):
                    raise VenueInUse()
            await self._put("venues", venue.rev, venue_to_document(venue), session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def replace_features(self, features: SeatFeatures) -> bool:
        """Replaces the previous revision of the library's own seat features. False if they were
        changed meanwhile."""

        async def work(session: Any) -> None:
            document = features_to_document(features)
            if features.rev == 1:
                await self._db["seat_features"].insert_one(document, session=session)
            else:
                before = {"_id": _FEATURES, "rev": features.rev - 1}
                result = await self._db["seat_features"].replace_one(
                    before, document, session=session
                )
                if not result.matched_count:
                    raise ConcurrentUpdate
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def _put(self, name: str, rev: int, document: Document, session: Any) -> None:
        """Replaces the document's previous revision. Raises: ConcurrentUpdate if it was changed."""
        result = await self._db[name].replace_one(
            {"_id": document["_id"], "rev": {"$in": previous_revisions(rev)}},
            document,
            session=session,
        )
        if not result.matched_count:
            raise ConcurrentUpdate

    async def versions(self) -> Counter[str]:
        """The version numbers of ``library``, ``reader_groups``, ``accommodations`` and
        ``seasons``, which grow whenever one of them is written."""
        names = ["library", "reader_groups", "accommodations", "seasons"]
        with translate_errors():
            rows = await self._db["versions"].find({"_id": {"$in": names}}).to_list(None)
        return Counter({row["_id"]: int(row["number"]) for row in rows})

    async def load(self) -> Catalog:
        """Reads the whole library. The catalog's version is a hash of its contents. Areas are
        sorted by venue, floor and order, kiosks by ``device_order``."""
        with translate_errors():
            venues = await self._db["venues"].find().sort([("order", 1), ("_id", 1)]).to_list(None)
            areas = (
                await self._db["areas"]
                .find()
                .sort([("floor", 1), ("order", 1), ("_id", 1)])
                .to_list(None)
            )
            kiosks = (
                await self._db["kiosks"]
                .find({}, {field: 1 for field in _KIOSK_FIELDS})
                .sort("_id")
                .to_list(None)
            )
            features = await self._db["seat_features"].find_one({})
        parts = [venues, areas, kiosks, *([features] if features else [])]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        with known_fields(self._db, "an area"):
            plans = {a["_id"]: area_from_document(a) for a in areas}
        places = [venue["_id"] for venue in venues]
        by_venue = sorted(
            plans.values(), key=lambda a: places.index(a.venue_id) if a.venue_id in places else -1
        )
        screens = [_kiosk(k) for k in kiosks]
        screens.sort(key=lambda k: device_order(places, k.venue_id, k.order, k.name, k.id))
        return Catalog(
            version=hashlib.sha256(text.encode()).hexdigest()[:12],
            venues={v["_id"]: _venue(v) for v in venues},
            areas={area.id: area for area in by_venue},
            kiosks={k.id: k for k in screens if not k.retired},
            retired_kiosks={k.id: k for k in screens if k.retired},
            features=_features(features) if features else NO_FEATURES,
        )


_KIOSK_FIELDS = ("venue", "name", "kind", "retired", "order", "names")


def _kiosk(d: Document) -> Kiosk:
    """The kiosk of a document. A document from before kiosks could be retired lacks ``retired``."""
    retired, venue, names = d.get("retired", False), VenueId(d["venue"]), d.get("names", {})
    return Kiosk(KioskId(d["_id"]), venue, d["name"], d["kind"], retired, d.get("order"), names)


class Device(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def venue_id(self) -> VenueId: ...
    @property
    def name(self) -> str: ...
    @property
    def retired(self) -> bool: ...
    @property
    def order(self) -> int | None: ...


def device_as_seen(device: Device) -> Document:
    """A filter that matches the device only if the stored one is still equal to ``device``."""
    retired = True if device.retired else {"$ne": True}
    named = {"venue": device.venue_id, "name": device.name, "order": device.order}
    return {"_id": device.id, **named, "retired": retired}


async def write_order(all_of_them: Collection, devices: Sequence[Device], session: Any) -> None:
    """Stores each device's position in this order. Raises: ConcurrentUpdate if one was changed."""
    for place, device in enumerate(devices):
        result = await all_of_them.update_one(
            device_as_seen(device), {"$set": {"order": place}}, session=session
        )
        if not result.matched_count:
            raise ConcurrentUpdate


async def count_up(db: Database, session: Any) -> None:
    """Increments the library's version. If two transactions do so concurrently, the database
    makes one of them repeat."""
    await db["versions"].update_one(
        {"_id": "library"}, {"$inc": {"number": 1}}, upsert=True, session=session
    )


async def require_venue(db: Database, venue_id: VenueId, session: Any) -> None:
    """Raises: VenueChanged if the venue was deleted or retired meanwhile."""
    in_use = {"_id": venue_id, "retired": {"$ne": True}}
    if await db["venues"].find_one(in_use, {"_id": 1}, session=session) is None:
        raise VenueChanged()


def kiosk_to_document(kiosk: Kiosk) -> Document:
    named: Document = {"_id": kiosk.id, "venue": kiosk.venue_id, "name": kiosk.name}
    return named | {"kind": kiosk.kind, "order": kiosk.order, "names": dict(kiosk.names)}


def features_to_document(features: SeatFeatures) -> Document:
    return {"_id": _FEATURES, "all": [asdict(one) for one in features.all], "rev": features.rev}


def _features(d: Document) -> SeatFeatures:
    return SeatFeatures(tuple(SeatFeature(**one) for one in d["all"]), d["rev"])


def venue_to_document(venue: Venue) -> Document:
    return {
        "_id": venue.id,
        "name": venue.name,
        "presence_sources": sorted(venue.presence_sources),
        "rev": venue.rev,
        "order": venue.order,
        "retired": venue.retired,
        "names": dict(venue.names),
        "floors": [asdict(floor) for floor in venue.floors],
    }


def _venue(d: Document) -> Venue:
    """The venue of a document. An old document without presence sources has ``USUAL_SOURCES``."""
    sources = frozenset(map(PresenceSource, d.get("presence_sources", USUAL_SOURCES)))
    return Venue(
        VenueId(d["_id"]),
        d["name"],
        sources,
        d.get("rev", 0),
        d.get("order", 0),
        d.get("retired", False),
        d.get("names", {}),
        tuple(Floor(**floor) for floor in d.get("floors", ())),
    )
