from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import WAKE_JOBS
from handlers.http.pages import PageRequest, form_reason, redirect
from handlers.staff.layout import staff_context
from models.parties.staff import StaffParties
from models.staff.audit import AuditAction


async def end_party(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Gives back the seats that a reader holds for friends."""
    await visit[StaffParties].end(staff_context(visit), visit.id, form_reason(form))
    visit[WAKE_JOBS]()
    return redirect(f"/console/reservations/{visit.id}?done={AuditAction.END_PARTY}")
