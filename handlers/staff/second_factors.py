from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason, redirect
from handlers.readers.console.readers import reader_of
from handlers.staff.layout import staff_context
from models.staff.audit import AuditAction
from models.staff.second_factors import StaffSecondFactors


async def reset_second_factor(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Removes another staff member's second factor. They set up a new one at the next sign-in."""
    colleague = await reader_of(visit)
    await visit[StaffSecondFactors].reset(staff_context(visit), colleague, form_reason(form))
    return redirect(f"/console/readers/{colleague.id}?done={AuditAction.RESET_SECOND_FACTOR}")
