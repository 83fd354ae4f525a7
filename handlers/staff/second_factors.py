"""An administrator resets a colleague's second factor."""

from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason, redirect
from handlers.readers.console.readers import reader_of
from handlers.staff.layout import staff_context
from models.staff.audit import AuditAction
from models.staff.second_factors import StaffSecondFactors


async def reset_second_factor(visit: PageRequest, form: Form) -> web.StreamResponse:
    """They set up another one at their next sign-in."""
    who = await reader_of(visit)
    await visit[StaffSecondFactors].reset(staff_context(visit), who, form_reason(form))
    return redirect(f"/console/readers/{who.id}?done={AuditAction.RESET_SECOND_FACTOR}")
