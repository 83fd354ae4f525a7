"""Judges who holds what of a drawn season, and the days that were written for holders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from lab.history.harm import Harm
from lab.history.records import History, Stored, StoredApplicant, StoredSeason

_ANY: Final = "any"
"""The wish of who takes anything."""
_NOT_YET: Final = frozenset({"reserved", "cancelled"})
"""States of days on which it is open, or does not matter, whether the holder comes."""


def season_harm(history: History) -> list[Harm]:
    """All harm about holders of seasons."""
    due = history.written_until
    late = [
        f"unwritten: {season.id} is written until {season.written}"
        for season in history.seasons
        if due is not None and season.written < min(due, season.last)
    ]
    texts = [*late, *holders_harm(history.seasons, history.stored)]
    return [Harm(kind, "none", text) for kind, _, text in (one.partition(": ") for one in texts)]


def holders_harm(seasons: Sequence[StoredSeason], stored: Sequence[Stored]) -> Iterator[str]:
    """What must not be at any moment: a seat of two holders; a seat of nobody for which somebody
    waits (``unheld``); a day that is still to come, of somebody who has lost the seat (``kept``);
    and the loss of an unused seat by somebody who had come again (``ousted``)."""
    for season in seasons:
        days = [r for r in stored if r.season == season.id]
        yield from _things(season)
        for one in season.applicants:
            own = [r for r in days if r.reader == one.reader]
            yield from _after_a_loss(one, sorted(own, key=lambda r: r.start))


def _things(season: StoredSeason) -> Iterator[str]:
    holders = defaultdict[str, list[str]](list)
    for one in season.applicants:
        if one.thing is not None:
            holders[one.thing].append(one.reader)
    waiting = [one for one in season.applicants if one.thing is None and one.lost is None]
    for seat in season.seats:
        if len(holders[seat]) > 1:
            yield f"doubles: {seat} of {season.id} is of {' and of '.join(holders[seat])}"
        first = next((one for one in waiting if {seat, _ANY} & {*one.wishes}), None)
        if not holders[seat] and first is not None:
            yield f"unheld: {seat} of {season.id}, and {first.reader} waits for it"


def _after_a_loss(one: StoredApplicant, days: Sequence[Stored]) -> Iterator[str]:
    """``days``: the applicant's, in their order."""
    if one.lost_at is None:
        return
    for r in days:
        if r.state == "reserved" and one.lost_at <= r.check_in_until:
            yield f"kept: {r.id} on {r.day}, of {one.reader}, who has lost {one.lost}"
    past = [r for r in days if r.state not in _NOT_YET]
    if one.reason == "unused" and past and any(e.name == "check_in" for e in past[-1].events):
        yield f"ousted: {one.reader} came on {past[-1].day}, and has lost {one.lost}"
