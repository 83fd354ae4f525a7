"""Choosing seats of a season on the plans of their areas, without a script: each seat is a link to
the page with other wishes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlencode

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, redirect
from handlers.http.rendering import render_page
from handlers.reservations.glimpse import whole_plan
from handlers.seasons import presenter
from models.kernel.errors import NotFound
from models.library.entities import Area, Seat, SeatId
from models.seasons.calculation import ANY
from models.seasons.entities import Season, SeasonStage
from models.seasons.rules import stage
from models.seasons.service import SeasonService


async def wish_plan(visit: PageRequest) -> web.StreamResponse:
    """The plan of an area with the seats that the season gives; the season's page if one cannot
    apply now, or nothing that it gives is on a plan. Raises: NotFound."""
    one = await visit[SeasonService].get(visit.id)
    plans = presenter.plans(visit[REFERENCE].catalog, one)
    areas = [area for area, _ in plans]
    seats = {str(seat.id): seat for _, given in plans for seat in given}
    if not areas or stage(one, visit.now) is not SeasonStage.APPLYING:
        return redirect(f"/seasons/{one.id}")
    wishes, takes_any = await _wishes(visit, one, seats)
    area = _area(visit, areas, [seats[id] for id in wishes if id in seats])
    most = one.plan.most_wishes

    def href(chosen: Sequence[str], place: Area = area, at: str = "pick") -> str:
        query = {"area": place.id, "wishes": ",".join(chosen)} | ({} if takes_any else {"any": "0"})
        return f"/seasons/{one.id}/plan?{urlencode(query)}#{at}"

    def toggled(id: SeatId) -> list[str]:
        return [each for each in wishes if each != id] if id in wishes else [*wishes, id]

    on_plan = [seat for seat in area.seats if seat.id in seats]
    return render_page(
        visit.request,
        "seasons/wish_plan.html",
        reader=visit.reader,
        season=one,
        area=area,
        areas=[(each, href(wishes, each)) for each in areas],
        picture=whole_plan(
            {*wishes}, area, ["free" if seat.id in seats else "occupied" for seat in area.seats]
        ),
        hrefs={
            # The page comes back with the seat in sight.
            seat.id: href(toggled(seat.id), at=f"seat-{seat.id}")
            for seat in on_plan
            if seat.id in wishes or len(wishes) < most
        },
        wishes=[
            (
                id,
                presenter.thing(visit[REFERENCE], one, id).label,
                href(toggled(SeatId(id))),
                href(_earlier(wishes, n)) if n else "",
            )
            for n, id in enumerate(wishes)
        ],
        takes_any=takes_any,
        most=most,
    )


async def _wishes(
    visit: PageRequest, one: Season, seats: dict[str, Seat]
) -> tuple[list[str], bool]:
    """The wishes of the address, or else those of the reader's application; and whether the reader
    takes anything."""
    query = visit.request.query
    if "wishes" in query:
        chosen = [id for id in dict.fromkeys(query["wishes"].split(",")) if id in seats]
        return chosen[: one.plan.most_wishes], query.get("any") != "0"
    with suppress(NotFound):
        own = await visit[SeasonService].own(one.id, visit.reader.id)
        return [id for id in own.wishes if id in seats], ANY in own.wishes
    return [], True


def _area(visit: PageRequest, areas: Sequence[Area], wishes: Sequence[Seat]) -> Area:
    """The area of the address, or else that of the first wish. Raises: NotFound."""
    named = visit.request.query.get("area") or (wishes[0].area_id if wishes else "")
    area = next((each for each in areas if each.id == named), None) if named else areas[0]
    if area is None:
        raise NotFound()
    return area


def _earlier(wishes: Sequence[str], n: int) -> list[str]:
    """The wishes with the n-th one, counted from 0, one place earlier."""
    return [*wishes[: n - 1], wishes[n], wishes[n - 1], *wishes[n + 1 :]]
