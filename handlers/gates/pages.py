"""TODO docstring."""

from __future__ import annotations

from aiohttp import web

from handlers.gates import presenter
from handlers.http.pages import PageRequest, redirect, render_page
from handlers.http.paging import page_number, pages_of
from handlers.reservations.pages import _PAGE_SIZE
from handlers.texts.labels import EFFECT_TEXT


async def gate_records(visit: PageRequest) -> web.StreamResponse:
    desk, number = visit.services.desk, page_number(visit)
    rows, total = await desk.passages.page_of(
        visit.reader.id, (number - 1) * _PAGE_SIZE, _PAGE_SIZE
    )
    if number > pages_of(total, _PAGE_SIZE):
        return redirect(f"/reservations/gates?page={pages_of(total, _PAGE_SIZE)}")
    names = {gate.id: gate.name for gate in await desk.gates.all()}
    return render_page(
        visit.request,
        "gates/events.html",
        reader=visit.reader,
        items=[presenter.passage(p, names) for p in rows],
        effects=EFFECT_TEXT,
        number=number,
        pages=pages_of(total, _PAGE_SIZE),
    )
