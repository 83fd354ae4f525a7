from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.seasons import presenter
from handlers.seasons.schemas import (
    ApplyForSeason,
    SeasonApplicationOut,
    SeasonDetail,
    SeasonsOut,
)
from models.kernel.errors import NotFound
from models.seasons.entities import Application
from models.seasons.errors import MayNotApply, SeasonNotOpen, WishNotGiven
from models.seasons.service import SeasonService

routes = ApiRoutes()
LISTED = 30


@routes.get("/seasons", "List the seasons whose seats or lockers are given by a draw, newest first")
async def list_seasons(call: ApiRequest) -> SeasonsOut:
    seasons = await call[SeasonService].latest(LISTED)
    return SeasonsOut([presenter.season(call.zone, one, call.now) for one in seasons])


@routes.get("/seasons/{id}", "Get a season with all that it gives", errors=(NotFound,))
async def get_season(call: ApiRequest) -> SeasonDetail:
    season = await call[SeasonService].get(call.id)
    weight = call[SeasonService].weight_of(season, call.reader, call.now)
    return presenter.detail(call[REFERENCE], season, weight, call.now)


@routes.get(
    "/seasons/{id}/application",
    "Get the own application with its receipt, its proof and its result",
    errors=(NotFound,),
)
async def get_application(call: ApiRequest) -> SeasonApplicationOut:
    return await _out(call, await call[SeasonService].own(call.id, call.reader.id))


@routes.post(
    "/seasons/{id}/application",
    "Apply for a season, or change the wishes of the own application",
    errors=(NotFound, SeasonNotOpen, MayNotApply, WishNotGiven),
)
async def apply(call: ApiRequest, body: ApplyForSeason) -> SeasonApplicationOut:
    return await _out(call, await call[SeasonService].apply(call.context(), call.id, body.wishes))


@routes.delete(
    "/seasons/{id}/application",
    "Withdraw the own application",
    errors=(NotFound, SeasonNotOpen),
)
async def withdraw(call: ApiRequest) -> None:
    await call[SeasonService].withdraw(call.context(), call.id)


async def _out(call: ApiRequest, own: Application) -> SeasonApplicationOut:
    season = await call[SeasonService].get(own.season_id)
    proof = await call[SeasonService].proof(season, own)
    return presenter.application(call[REFERENCE], season, own, proof)
