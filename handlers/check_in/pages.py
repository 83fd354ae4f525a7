"""签到: the page that scans the code of a kiosk or of a seat."""

from __future__ import annotations

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, render_page
from handlers.kiosks.presenter import kiosk_names, labels_are_taken
from handlers.reservations.current import current_reservation


async def check_in(visit: PageRequest) -> web.StreamResponse:
    """Where the kiosks are, and a scanner for their codes."""
    return render_page(
        visit.request,
        "check_in/check_in.html",
        reader=visit.reader,
        current=await current_reservation(visit),
        kiosks=kiosk_names(visit[REFERENCE]),
        labels=labels_are_taken(visit[REFERENCE]),
    )
