from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from handlers.http.schemas import Id, Request, Response
from models.seasons.calculation import MOST_WISHES
from models.seasons.entities import SeasonKind, SeasonStage


class ApplyForSeason(Request):
    """``wishes``: ids of what the season gives, the best first; the last one may be ``any``, the
    first thing that is free."""

    wishes: Annotated[list[Id], Meta(min_length=1, max_length=MOST_WISHES)]


class ThingOut(Response):
    """A seat or locker. ``size``: of a locker."""

    id: str
    label: str
    size: str


class SourceOut(Response):
    text: str
    at: datetime


class SeasonOut(Response):
    """A season. ``start``, ``end``: hours of a day, null for lockers. ``applications``: until the
    list is frozen. ``root``, ``count``: of the frozen list. ``reason``: why it was aborted."""

    id: str
    title: str
    kind: SeasonKind
    stage: SeasonStage
    first: date
    last: date
    start: str | None
    end: str | None
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


class SeasonDetail(SeasonOut, kw_only=True):
    """``weight``: that of the reader's application, if they applied now; 0 if they may not."""

    given: list[ThingOut]
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


class SeasonApplicationOut(Response):
    """The reader's application. ``salt``: by it the reader, and nobody else, shows that the
    application is theirs. ``weight``: null until the list is frozen, 0 if it was left out.
    ``rank``, ``thing``: by the draw."""

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
