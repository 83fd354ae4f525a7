"""学期座位: the seasons, applying, the receipt with its proof, and the file of the draw."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiohttp import web

from handlers.http.errors import facts_of, status_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, service_key
from handlers.http.language import language_of
from handlers.http.middleware import NOW
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.public_reads import read_in_public
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.seasons import presenter
from handlers.texts.errors import text_of
from handlers.texts.seasons import DONE_TEXT, KIND_TEXT, LOSS_TEXT, NO_WISH, STAGE_TEXT, WISHES_FULL
from models.kernel.errors import DomainError, Malformed, NotFound
from models.library.entities import SeatId
from models.library.seat_names import name_key
from models.readers.entities import Reader
from models.season_holders.service import SeasonHolders
from models.seasons.calculation import ANY
from models.seasons.entities import Application, Season, SeasonKind, SeasonStage
from models.seasons.errors import MayNotApply, NothingHeld, SeasonNotOpen, WishNotGiven
from models.seasons.rules import stage
from models.seasons.service import SeasonService

_LISTED: Final = 30


async def seasons(request: web.Request, reader: Reader | None) -> web.Response:
    """The page with the seasons, newest first."""
    service, now = request.app[service_key(SeasonService)], request[NOW]
    listed = await service.latest(_LISTED)
    own = await service.applications_of(reader.id) if reader is not None else []
    return render_page(
        request,
        "seasons/list.html",
        reader=reader,
        seasons=[(one, stage(one, now)) for one in listed],
        applied={one.season_id for one in own},
        stages=STAGE_TEXT,
        kinds=KIND_TEXT,
    )


async def season(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit.request, visit.reader)


async def season_in_public(request: web.Request) -> web.StreamResponse:
    """The season's page for a visitor without a session. Raises: NotFound."""
    return await _page(request, None)


async def _page(
    request: web.Request,
    reader: Reader | None,
    refused: DomainError | None = None,
    typed: Sequence[str] = (),
) -> web.Response:
    """The season's page. ``typed``: the wishes of the form that was refused."""
    service, reference = request.app[service_key(SeasonService)], request.app[REFERENCE]
    one, now = await service.get(request.match_info["id"]), request[NOW]
    own = await _own(service, one, reader)
    proof = await service.proof(one, own) if own is not None else None
    offers = (
        await request.app[service_key(SeasonHolders)].offers(one, own) if own is not None else []
    )
    refusal, headers, say = "", None, language_of(request).say
    if refused is not None:
        details, headers = facts_of(reference.zone, refused)
        refusal = text_of(refused.code, details)
        if isinstance(refused, Malformed):
            refusal = WISHES_FULL if any(typed) else NO_WISH
    labels = {id: say(label) for id, label in presenter.labels(reference, one).items()}
    shows_result = "result" in request.query  # many look after a draw, and few at all of it
    facts: dict[str, Any] = {
        "season": one,
        "stage": stage(one, now),
        "applies": stage(one, now) is SeasonStage.APPLYING,
        "weight": service.weight_of(one, reader, now) if reader is not None else 0,
        "own": own,
        "over": reference.zone.day(now) > one.plan.last,
        "application": presenter.application(reference, one, own, proof, offers) if own else None,
        "labels": labels,
        "on_plans": one.plan.hours is None or bool(presenter.plans(reference.catalog, one)),
        "result": [
            (each.rank, each.entry.token[:8], each.thing and labels[each.thing])
            for each in (await service.result(one) if shows_result else ())
        ],
        "typed": typed or [labels.get(wish, "") for wish in (own.wishes if own else ())],
        "takes_any": ANY in own.wishes if own is not None else True,
        "stages": STAGE_TEXT,
        "kinds": KIND_TEXT,
        "losses": LOSS_TEXT,
        "refusal": refusal,
        "done": DONE_TEXT.get(request.query.get("done", ""), ""),
    }
    status = status_of(type(refused)) if refused is not None else 200
    return render_page(
        request, "seasons/season.html", status=status, headers=headers, reader=reader, **facts
    )


async def _own(service: SeasonService, one: Season, reader: Reader | None) -> Application | None:
    if reader is None:
        return None
    with suppress(NotFound):
        return await service.own(one.id, reader.id)
    return None


async def apply(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Applies, or changes the wishes. If this is refused, the page keeps what was typed."""
    one = await visit[SeasonService].get(visit.id)
    typed = [form_text(form, f"wish-{n}") for n in range(1, one.plan.most_wishes + 1)]
    try:
        wishes = _wishes(visit, one, typed)
        if form_text(form, "any"):
            wishes.append(ANY)
        await visit[SeasonService].apply(visit.context(), one.id, wishes)
    except (SeasonNotOpen, MayNotApply, WishNotGiven, Malformed) as error:
        count_error(visit.request, error)
        return await _page(visit.request, visit.reader, error, typed)
    return redirect(f"/seasons/{one.id}?done=apply")


def _wishes(visit: PageRequest, one: Season, typed: Sequence[str]) -> list[str]:
    """The ids of what was typed, in any spelling, each once: by id, label, or the number if it is
    unique. Raises: WishNotGiven."""
    say, named = language_of(visit.request).say, dict[str, list[str]]()
    seats = visit[REFERENCE].catalog.all_seats
    for id, label in presenter.labels(visit[REFERENCE], one).items():
        seat = seats.get(SeatId(id)) if one.plan.kind is SeasonKind.SEATS else None
        names = (id, say(label), str(label), seat.number if seat is not None else id)
        for key in {name_key(name) for name in names}:
            named.setdefault(key, []).append(id)
    wishes: dict[str, None] = {}
    for text in filter(None, typed):
        ids = named.get(name_key(text), [])
        if len(ids) != 1:
            raise WishNotGiven(text)
        wishes[ids[0]] = None
    return [*wishes]


async def withdraw(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Withdraws the application; pressed twice, it is withdrawn as well."""
    one = await visit[SeasonService].get(visit.id)
    try:
        with suppress(NotFound):
            await visit[SeasonService].withdraw(visit.context(), one.id)
    except SeasonNotOpen as error:
        count_error(visit.request, error)
        return await _page(visit.request, visit.reader, error)
    return redirect(f"/seasons/{visit.id}?done=withdraw")


async def give_up(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Gives up what the reader has."""
    return await _changed(visit, "give_up", visit[SeasonHolders].give_up(visit.context(), visit.id))


async def ask_to_swap(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Asks the holder of what is typed to swap."""
    one, typed = await visit[SeasonService].get(visit.id), form_text(form, "thing")
    try:
        wished = _wishes(visit, one, [typed])
    except WishNotGiven as error:
        count_error(visit.request, error)
        return await _page(visit.request, visit.reader, error)
    change = visit[SeasonHolders].ask_to_swap(visit.context(), one.id, (wished or [""])[0])
    return await _changed(visit, "swap", change)


async def withdraw_swap(visit: PageRequest, _: Form) -> web.StreamResponse:
    withdrawn = visit[SeasonHolders].withdraw_swap(visit.context(), visit.id)
    return await _changed(visit, "no_swap", withdrawn)


async def accept_swap(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Swaps with the holder of ``thing``, who has asked for it."""
    thing = form_text(form, "thing")
    swapped = visit[SeasonHolders].accept_swap(visit.context(), visit.id, thing)
    return await _changed(visit, "swapped", swapped)


async def _changed(
    visit: PageRequest, done: str, change: Coroutine[Any, Any, None]
) -> web.StreamResponse:
    try:
        await change
    except NothingHeld as error:
        count_error(visit.request, error)
        return await _page(visit.request, visit.reader, error)
    return redirect(f"/seasons/{visit.id}?done={done}")


async def file(request: web.Request) -> web.Response:
    """Sends the file of a season; until it is drawn, without secret and list. Raises: NotFound,
    Throttled, Unavailable."""
    service, id = request.app[service_key(SeasonService)], request.match_info["id"]

    async def read() -> bytes:
        one = await service.get(id)
        content = presenter.file(request.app[REFERENCE].zone, one, await service.result(one))
        return msgspec.json.encode(content)

    return web.Response(
        body=msgspec.json.format(await read_in_public(request, read)),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
