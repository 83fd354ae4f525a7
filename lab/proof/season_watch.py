"""What must not be at any moment in a drawn season, beside what its judge names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lab.history.records import Stored, StoredSeason, stored, stored_season
from lab.history.season_judge import holders_harm
from lab.proof.explorer import Watch
from lab.proof.memory_mongo import MemoryStore

_LIVE: Final = frozenset({"reserved", "in_use", "away"})


class HolderWatch:
    """Looks at the holders and their days after each step. Beside what ``holders_harm`` finds, no
    new day is of a reader who does not hold the seat (``strange``), and a day that counts as
    written is there for each holder, unless on that day somebody else was on the seat or the holder
    elsewhere (``missing``)."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self._looked: list[object] = []
        self._known = set[str]()
        self._written: dict[str, str] = {}
        self._of_parties = set[str]()

    def __call__(self, store: MemoryStore) -> str | None:
        begins = store is not self._store
        rows = [r for r in store.table("reservations").documents.values() if "area" in r]
        seasons = [*store.table("seasons").documents.values()]
        applications = [*store.table("season_applications").documents.values()]
        looked: list[object] = [*rows, *seasons, *applications]
        if not begins and [*map(id, looked)] == [*map(id, self._looked)]:
            return None
        self._store, self._looked = store, looked
        parties = store.table("reservations").documents.values()
        self._of_parties = {s["seat"] for p in parties if "asker" in p for s in p["seats"]}
        now = [stored_season(row, applications) for row in seasons]
        days = [stored(row) for row in rows]
        new = self._new_days(now, days) if not begins else iter(())
        found = next(new, None) or next(holders_harm(now, days), None)
        self._known = {r.id for r in days}
        self._written = {season.id: season.written for season in now}
        return found

    def _new_days(self, seasons: Sequence[StoredSeason], days: Sequence[Stored]) -> Iterator[str]:
        for season in seasons:
            holder_of = {one.thing: one.reader for one in season.applicants if one.thing}
            for r in days:
                holder = holder_of.get(r.seat)
                if r.season == season.id and r.id not in self._known and r.reader != holder:
                    yield f"strange: {r.id} on {r.day} is of {r.reader}, the seat of {holder}"
            if season.written == self._written[season.id]:
                continue
            that_day = [r for r in days if r.day == season.written]
            for seat, reader in holder_of.items():
                others = any(seat == r.seat or reader == r.reader for r in that_day)
                if not others and seat not in self._of_parties:
                    yield f"missing: {seat} on {season.written}, of {reader}"


def taken_too_early(store: MemoryStore) -> str | None:
    """Finds a booking of a season's seat on a day that is not written yet."""
    for season in store.table("seasons").documents.values():
        seats = {one["id"] for one in season["given"]}
        for r in store.table("reservations").documents.values():
            undecided = r.get("seat") in seats and season["written"] < r["day"] <= season["last"]
            if undecided and r["state"] in _LIVE:
                return f"too early: {r['_id']} of {r['reader']} on {r['day']}"
    return None


def all_of(*watches: Watch) -> Watch:
    """The first harm that one of the watches sees."""

    def look(store: MemoryStore) -> str | None:
        return next(filter(None, [one(store) for one in watches]), None)

    return look
