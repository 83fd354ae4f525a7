from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from handlers.http.schemas import Id, Request, Response
from models.seasons.calculation import MOST_WISHES
from models.seasons.entities import LossReason, SeasonKind, SeasonStage


class ApplyForSeason(Request):
    """``wishes``: ids of what the season gives, the best first; the last one may be ``any``, the
    first thing that is free."""

    wishes: Annotated[list[Id], Meta(min_length=1, max_length=MOST_WISHES)]


class AskToSwap(Request):
    """``thing``: the id of what another holder has."""

    thing: Id


class ThingOut(Response):
    """A seat or locker. Of a locker: ``size``, ``place``, where it stands, and ``row``, counted
    from the top; empty and 0 if the library does not say."""

    id: str
    label: str
    size: str
    place: str
    row: int


class SourceOut(Response):
    text: str
    at: datetime


class SeasonOut(Response):
    """A season. ``start``, ``end``: hours of a day; ``come_by``: when a holder has to come; null
    for lockers. ``unused_days``: after so many in a row without coming holders are warned, and then
    lose the seat, 0 for never; ``grace_days``: so long after the last day lockers may be emptied.
    ``applications``: until the list is frozen. ``root``, ``count``: of the frozen list. ``reason``:
    why it was aborted."""

    id: str
    title: str
    kind: SeasonKind
    stage: SeasonStage
    first: date
    last: date
    start: str | None
    end: str | None
    come_by: str | None
    unused_days: int
    grace_days: int
    gives: int
    most_wishes: int
    opens_at: datetime
    closes_at: datetime
    first_value: SourceOut
    alternative_value: SourceOut
    reveal_by: datetime
    rule: str
    rule_hash: str
    commitment: str
    applications: int
    root: str | None
    count: int | None
    frozen_at: datetime | None
    value: str | None
    drawn_at: datetime | None
    reason: str


class SeasonAreaOut(Response):
    """An area on whose plan the season gives seats. ``seats``: their ids."""

    id: str
    label: str
    seats: list[str]


class SeasonDetail(SeasonOut, kw_only=True):
    """``areas``: none for lockers. ``weight``: that of the reader's application, if they applied
    now; 0 if they may not."""

    given: list[ThingOut]
    areas: list[SeasonAreaOut]
    weight: int


class SeasonsOut(Response):
    items: list[SeasonOut]


class ProofOut(Response):
    """The audit path of RFC 6962 from the leaf to the root of the frozen list."""

    leaf: str
    index: int
    count: int
    path: list[str]
    root: str


class LossOut(Response):
    """A seat or locker that the reader had until ``at``."""

    thing: ThingOut
    at: datetime
    reason: LossReason


class SeasonApplicationOut(Response):
    """The reader's application. ``salt``: by it the reader, and nobody else, shows that the
    application is theirs. ``weight``: null until the list is frozen, 0 if it was left out.
    ``rank``: by the draw. ``thing``: what the reader has now; ``from_day``: the first day that is
    not written yet, from which a change counts. ``unused``: the number of unused days about which
    they were warned. ``swap``: what they ask its holder to swap; ``offers``: what others offer for
    theirs."""

    season_id: str
    wishes: list[ThingOut]
    salt: str
    token: str
    made_at: datetime
    changed_at: datetime
    weight: int | None
    proof: ProofOut | None
    rank: int | None
    thing: ThingOut | None
    lost: LossOut | None
    from_day: date | None
    unused: int
    swap: ThingOut | None
    offers: list[ThingOut]
