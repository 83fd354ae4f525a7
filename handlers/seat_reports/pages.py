"""TODO docstring."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, redirect, render_page
from models.seat_reports import service as seat_reports_service


async def doubt_form(visit: PageRequest) -> web.StreamResponse:
    desk = visit.services.desk
    seat = desk.seat(visit.id)
    return render_page(
        visit.request,
        "seat_reports/report_empty.html",
        reader=visit.reader,
        seat=seat,
        label=desk.library.seat_label(seat),
    )


async def doubt(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Nobody sits there, somebody says."""
    services = visit.services
    await seat_reports_service.report_empty(
        services.desk, services.throttles, visit.ask(), visit.id
    )
    services.nudge()
    area = services.desk.seat(visit.id).area_id
    return redirect(f"/areas/{area}?{urlencode({'seat': visit.id, 'thanks': '1'})}")
