from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, redirect
from handlers.http.rendering import render_page
from handlers.reservations.presenter import seat as seat_out
from models.seat_reports.service import SeatReportService


async def report_empty_form(visit: PageRequest) -> web.StreamResponse:
    seat = visit[REFERENCE].seat(visit.id)
    policy = visit[REFERENCE].policy_for(seat.area_id, visit.zone.day(visit.now))
    return render_page(
        visit.request,
        "seat_reports/report_empty.html",
        reader=visit.reader,
        seat=seat,
        check_minutes=policy.presence_check_minutes,
        place=seat_out(visit[REFERENCE], seat.id),
    )


async def report_empty(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[SeatReportService].report_empty(visit.context(), visit.id, None)
    visit[WAKE_JOBS]()
    area = visit[REFERENCE].seat(visit.id).area_id
    return redirect(f"/areas/{area}?{urlencode({'seat': visit.id, 'thanks': '1'})}")
