"""Choosing what a season gives, on the plans of its areas or the fronts of its lockers, without a
script: each seat or locker is a link to the page with other wishes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, redirect
from handlers.http.rendering import render_page
from handlers.reservations.glimpse import whole_plan
from handlers.seasons import presenter
from handlers.texts.seasons import LOCKERS
from languages.text import NameText
from models.kernel.errors import NotFound
from models.library.entities import Area
from models.seasons.calculation import ANY
from models.seasons.entities import Season, SeasonKind, SeasonStage, Thing
from models.seasons.lockers import MOST_ROWS
from models.seasons.rules import stage
from models.seasons.service import SeasonService


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A plan to choose from: of an area with its seats, or of the lockers in one place."""

    key: str
    name: NameText | str
    things: Sequence[Thing]
    area: Area | None = None

    @property
    def rows(self) -> list[list[Thing]]:
        """The lockers by row, the highest one first; those of no known row come last."""
        numbers = sorted({thing.row for thing in self.things}, key=lambda row: row or MOST_ROWS + 1)
        return [[thing for thing in self.things if thing.row == row] for row in numbers]


async def wish_plan(visit: PageRequest) -> web.StreamResponse:
    """A plan with the seats or lockers that the season gives; the season's page if one cannot apply
    now, or nothing that it gives is on a plan. Raises: NotFound."""
    one = await visit[SeasonService].get(visit.id)
    sheets = _sheets(visit, one)
    if not sheets or stage(one, visit.now) is not SeasonStage.APPLYING:
        return redirect(f"/seasons/{one.id}")
    wishes, takes_any = await _wishes(visit, one, {t.id for sheet in sheets for t in sheet.things})
    sheet = _sheet(visit, sheets, wishes)
    most, given = one.plan.most_wishes, {thing.id for thing in sheet.things}

    def href(chosen: Sequence[str], to: _Sheet = sheet, at: str = "pick") -> str:
        query = {"area": to.key, "wishes": ",".join(chosen)} | ({} if takes_any else {"any": "0"})
        return f"/seasons/{one.id}/plan?{urlencode(query)}#{at}"

    def toggled(id: str) -> list[str]:
        return [each for each in wishes if each != id] if id in wishes else [*wishes, id]

    picture, area = None, sheet.area
    if area is not None:
        states = ["free" if seat.id in given else "occupied" for seat in area.seats]
        picture = whole_plan({*wishes}, area, states)
    return render_page(
        visit.request,
        "seasons/wish_plan.html",
        reader=visit.reader,
        season=one,
        sheet=sheet,
        sheets=[(each, href(wishes, each)) for each in sheets],
        picture=picture,
        hrefs={
            # The page comes back with what was chosen in sight.
            id: href(toggled(id), at=f"seat-{id}")
            for id in given
            if id in wishes or len(wishes) < most
        },
        wishes=[
            (
                presenter.thing(visit[REFERENCE], one, id),
                href(toggled(id)),
                href(_earlier(wishes, n)) if n else "",
            )
            for n, id in enumerate(wishes)
        ],
        takes_any=takes_any,
        most=most,
    )


def _sheets(visit: PageRequest, one: Season) -> list[_Sheet]:
    if one.plan.kind is SeasonKind.LOCKERS:
        places = dict.fromkeys(thing.place for thing in one.plan.given)
        return [
            _Sheet(str(n), place or LOCKERS, [t for t in one.plan.given if t.place == place])
            for n, place in enumerate(places)
        ]
    catalog = visit[REFERENCE].catalog
    return [
        _Sheet(area.id, catalog.area_name(area), [Thing(seat.id) for seat in seats], area)
        for area, seats in presenter.plans(catalog, one)
    ]


async def _wishes(
    visit: PageRequest, one: Season, on_plans: Collection[str]
) -> tuple[list[str], bool]:
    """The wishes of the address, or else those of the reader's application; and whether the reader
    takes anything."""
    query = visit.request.query
    if "wishes" in query:
        chosen = [id for id in dict.fromkeys(query["wishes"].split(",")) if id in on_plans]
        return chosen[: one.plan.most_wishes], query.get("any") != "0"
    with suppress(NotFound):
        own = await visit[SeasonService].own(one.id, visit.reader.id)
        return [id for id in own.wishes if id in on_plans], ANY in own.wishes
    return [], True


def _sheet(visit: PageRequest, sheets: Sequence[_Sheet], wishes: Sequence[str]) -> _Sheet:
    """The plan of the address, or else that of the first wish. Raises: NotFound."""
    if named := visit.request.query.get("area"):
        fitting = (sheet for sheet in sheets if sheet.key == named)
    else:
        first = {*wishes[:1]}
        fitting = (sheet for sheet in sheets if first <= {thing.id for thing in sheet.things})
    if (sheet := next(fitting, None)) is None:
        raise NotFound()
    return sheet


def _earlier(wishes: Sequence[str], n: int) -> list[str]:
    """The wishes with the n-th one, counted from 0, one place earlier."""
    return [*wishes[: n - 1], wishes[n], wishes[n - 1], *wishes[n + 1 :]]
