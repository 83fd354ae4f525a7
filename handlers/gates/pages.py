from __future__ import annotations

from aiohttp import web

from handlers.gates import presenter
from handlers.http.pages import PageRequest, redirect
from handlers.http.paging import RECORDS_PER_PAGE, page_number, pages_of
from handlers.http.rendering import render_page
from handlers.texts.labels import EFFECT_TEXT
from models.gates.service import GateService


async def gate_events(visit: PageRequest) -> web.StreamResponse:
    """The reader's gate events and their effects, latest first."""
    number = page_number(visit)
    rows, total = await visit[GateService].page_of(
        visit.reader.id, (number - 1) * RECORDS_PER_PAGE, RECORDS_PER_PAGE
    )
    pages = pages_of(total, RECORDS_PER_PAGE)
    if number > pages:
        return redirect(f"/reservations/gates?page={pages}")
    names = {gate.id: gate.name for gate in await visit[GateService].all()}
    return render_page(
        visit.request,
        "gates/events.html",
        reader=visit.reader,
        items=[presenter.passage(visit.zone, event, names) for event in rows],
        effects=EFFECT_TEXT,
        number=number,
        pages=pages,
    )
