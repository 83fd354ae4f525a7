"""The library's data (venues, areas, plans, kiosks) and its policy versions."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

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
from models.library.mapping import area_from_document, area_to_document
from models.storage.event_outbox import StoredEvent, put_event
from models.storage.installation import known_fields
from models.storage.mongo import Collection, Database, Document, previous_revisions
from models.storage.mongo_errors import translate_errors
from models.storage.transactions import ConcurrentUpdate, try_transaction


class CatalogRepository:
    """Venues, areas and kiosks. Written by the seed and the console, read whole."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add_missing(
        self, venues: Sequence[Venue], areas: Sequence[Area], kiosks: Sequence[Kiosk]
    ) -> None:
        """Add those that are not there; what is there is the console's to change. Idempotent.

        Workers that serve load the library anew when they see that its number has grown. One
        transaction, so that who chooses the time zone meanwhile sees the areas or is seen.
        """
        wanted: dict[str, list[Document]] = {
            "venues": [venue_to_document(venue) for venue in venues],
            "areas": [area_to_document(area) for area in areas],
            "kiosks": [kiosk_to_document(kiosk) for kiosk in kiosks],
        }

        async def work(session: Any) -> None:
            for name, documents in wanted.items():
                for document in documents:
                    await self._db[name].update_one(
                        {"_id": document["_id"]},
                        {"$setOnInsert": document},
                        upsert=True,
                        session=session,
                    )
            await count_up(self._db, session)

        while not await try_transaction(self._db, work):
            pass  # another process has added one of them at this moment: it is there now

    async def add_area(self, area: Area) -> bool:
        """False where there is one of that id."""
        return await self.write_areas([area], [])

    async def add_kiosk(self, kiosk: Kiosk) -> bool:
        """False where there is one of that id. It has no key yet."""
        return await self._add("kiosks", kiosk_to_document(kiosk))

    async def _add(self, name: str, document: Document) -> bool:
        async def work(session: Any) -> None:
            await require_venue(self._db, document["venue"], session)
            await self._db[name].insert_one(document, session=session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def add_venue(self, venue: Venue) -> bool:
        """False where there is one of that id."""

        async def work(session: Any) -> None:
            await self._db["venues"].insert_one(venue_to_document(venue), session=session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def remove_venue(self, venue: Venue) -> bool:
        """False where somebody else has changed it meanwhile. Raises: VenueInUse where an area, a
        kiosk or a gate belongs to it; whoever adds one counts the library up as well."""

        async def work(session: Any) -> None:
            for name in ("areas", "kiosks", "gates"):
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
        """All of them or none, each as ``replace_venue``."""

        async def work(session: Any) -> None:
            for venue in venues:
                await self._put("venues", venue.rev, venue_to_document(venue), session=session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def replace_area(self, area: Area, events: Sequence[StoredEvent] = ()) -> bool:
        """Write the area over the one that it was made from, whose ``rev`` is one less. False where
        somebody else has changed that one since."""
        return await self.write_areas([], [area], events)

    async def write_areas(
        self, new: Sequence[Area], changed: Sequence[Area], events: Sequence[StoredEvent] = ()
    ) -> bool:
        """All of them or none: False where there is one of an id that is new, or somebody else has
        changed one that ``changed`` were made from. The picture under a deleted one goes too, and
        ``events`` are written with them.

        Raises: VenueChanged where a venue has been deleted or retired meanwhile."""

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
        """Write the kiosk over ``old``. False where it is not as it was then. One that retires
        loses its key and its secret in the same write."""
        taken = {"$unset": {"key_hash": "", "secret": ""}} if new.retired else {}

        async def work(session: Any) -> None:
            if new.venue_id != old.venue_id:
                await require_venue(self._db, new.venue_id, session)
            result = await self._db["kiosks"].update_one(
                device_as_seen(old),
                {"$set": {**kiosk_to_document(new), "retired": new.retired}, **taken},
                session=session,
            )
            if not result.matched_count:
                raise ConcurrentUpdate
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def put_kiosks_in_order(self, kiosks: Sequence[Kiosk]) -> bool:
        """Give them their places. False, and nothing has changed, where one of them is not as it is
        there any more."""

        async def work(session: Any) -> None:
            await write_order(self._db["kiosks"], kiosks, session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def delete_kiosk(self, kiosk: Kiosk) -> bool:
        """False where its screen was seen once: it may have shown codes."""

        async def work(session: Any) -> None:
            result = await self._db["kiosks"].delete_one(
                {"_id": kiosk.id, "last_seen_at": {"$exists": False}}, session=session
            )
            if not result.deleted_count:
                raise ConcurrentUpdate
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def replace_venue(self, venue: Venue) -> bool:
        """As ``replace_area``. Raises: VenueInUse for a retired one that has an area in use; who
        brings an area back counts the library up as well."""

        async def work(session: Any) -> None:
            if venue.retired:
                in_use = {"venue": venue.id, "state": AreaState.IN_USE.value}
                if await self._db["areas"].find_one(in_use, {"_id": 1}, session=session):
                    raise VenueInUse()
            await self._put("venues", venue.rev, venue_to_document(venue), session)
            await count_up(self._db, session)

        return await try_transaction(self._db, work)

    async def _put(self, name: str, rev: int, document: Document, session: Any) -> None:
        """Raises: ConcurrentUpdate."""
        result = await self._db[name].replace_one(
            {"_id": document["_id"], "rev": {"$in": previous_revisions(rev)}},
            document,
            session=session,
        )
        if not result.matched_count:
            raise ConcurrentUpdate

    async def versions(self) -> Counter[str]:
        """How often the ``library``, the ``reader_groups`` and the ``accommodations`` have been
        written: cheap to ask, unlike all of them."""
        names = ["library", "reader_groups", "accommodations"]
        with translate_errors():
            rows = await self._db["versions"].find({"_id": {"$in": names}}).to_list(None)
        return Counter({row["_id"]: int(row["number"]) for row in rows})

    async def load(self) -> Catalog:
        """The whole library; its version is a hash of all of it. Areas stand by the order of their
        venues, floors and places; kiosks are in the order of ``device_order``."""
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
                .find({}, {"venue": 1, "name": 1, "kind": 1, "retired": 1, "order": 1})
                .sort("_id")
                .to_list(None)
            )
        text = json.dumps([venues, areas, kiosks], sort_keys=True, ensure_ascii=False)
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
        )


def _kiosk(d: Document) -> Kiosk:
    """One that was written before kiosks could be retired is in use."""
    retired, venue = d.get("retired", False), VenueId(d["venue"])
    return Kiosk(KioskId(d["_id"]), venue, d["name"], d["kind"], retired, d.get("order"))


class Device(Protocol):
    """A kiosk or a gate, as far as both are written in the same way."""

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
    """A filter that finds the device while it is as the staff saw it."""
    retired = True if device.retired else {"$ne": True}
    named = {"venue": device.venue_id, "name": device.name, "order": device.order}
    return {"_id": device.id, **named, "retired": retired}


async def write_order(all_of_them: Collection, devices: Sequence[Device], session: Any) -> None:
    """Give them their places. Raises: ConcurrentUpdate where one is not as it is there any more."""
    for place, device in enumerate(devices):
        result = await all_of_them.update_one(
            device_as_seen(device), {"$set": {"order": place}}, session=session
        )
        if not result.matched_count:
            raise ConcurrentUpdate


async def count_up(db: Database, session: Any) -> None:
    """The library has been written. Two transactions that do this at once conflict, so the second
    one sees what the first has done."""
    await db["versions"].update_one(
        {"_id": "library"}, {"$inc": {"number": 1}}, upsert=True, session=session
    )


async def require_venue(db: Database, venue_id: VenueId, session: Any) -> None:
    """Raises: VenueChanged where it has been deleted or retired meanwhile."""
    in_use = {"_id": venue_id, "retired": {"$ne": True}}
    if await db["venues"].find_one(in_use, {"_id": 1}, session=session) is None:
        raise VenueChanged()


def kiosk_to_document(kiosk: Kiosk) -> Document:
    """The kiosk as it is stored, without its key."""
    named: Document = {"_id": kiosk.id, "venue": kiosk.venue_id, "name": kiosk.name}
    return named | {"kind": kiosk.kind, "order": kiosk.order}


def venue_to_document(venue: Venue) -> Document:
    """The venue as it is stored."""
    return {
        "_id": venue.id,
        "name": venue.name,
        "presence_sources": sorted(venue.presence_sources),
        "rev": venue.rev,
        "order": venue.order,
        "retired": venue.retired,
    }


def _venue(d: Document) -> Venue:
    """One that was written before venues named their sources has the usual ones."""
    sources = frozenset(map(PresenceSource, d.get("presence_sources", USUAL_SOURCES)))
    return Venue(
        VenueId(d["_id"]),
        d["name"],
        sources,
        d.get("rev", 0),
        d.get("order", 0),
        d.get("retired", False),
    )
