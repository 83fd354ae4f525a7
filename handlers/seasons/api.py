from __future__ import annotations

from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.keys import REFERENCE
from handlers.seasons import presenter
from handlers.seasons.schemas import (
    ApplyForSeason,
    AskToSwap,
    SeasonApplicationOut,
    SeasonDetail,
    SeasonsOut,
)
from models.kernel.errors import NotFound
from models.season_holders.service import SeasonHolders
from models.seasons.entities import Application
from models.seasons.errors import MayNotApply, NothingHeld, SeasonNotOpen, WishNotGiven
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


@routes.delete(
    "/seasons/{id}/holding",
    "Give up what the draw has given, with its days to come",
    errors=(NotFound, NothingHeld),
)
async def give_up(call: ApiRequest) -> None:
    await call[SeasonHolders].give_up(call.context(), call.id)


@routes.post(
    "/seasons/{id}/swap",
    "Ask another holder to swap",
    errors=(NotFound, NothingHeld),
)
async def ask_to_swap(call: ApiRequest, body: AskToSwap) -> SeasonApplicationOut:
    await call[SeasonHolders].ask_to_swap(call.context(), call.id, body.thing)
    return await get_application(call)


@routes.delete("/seasons/{id}/swap", "Ask nobody any more to swap", errors=(NotFound, NothingHeld))
async def withdraw_swap(call: ApiRequest) -> None:
    await call[SeasonHolders].withdraw_swap(call.context(), call.id)


@routes.post(
    "/seasons/{id}/swap/accept",
    "Swap with the holder who has asked for it",
    errors=(NotFound, NothingHeld),
)
async def accept_swap(call: ApiRequest, body: AskToSwap) -> SeasonApplicationOut:
    await call[SeasonHolders].accept_swap(call.context(), call.id, body.thing)
    return await get_application(call)


async def _out(call: ApiRequest, own: Application) -> SeasonApplicationOut:
    season = await call[SeasonService].get(own.season_id)
    proof = await call[SeasonService].proof(season, own)
    offers = await call[SeasonHolders].offers(season, own)
    return presenter.application(call[REFERENCE], season, own, proof, offers)
