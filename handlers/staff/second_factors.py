"""An administrator resets a colleague's second factor."""

from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason, redirect
from handlers.readers.console.readers import reader_of, render_reader
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import staff_context
from models.kernel.errors import InvalidRequest
from models.staff.audit import AuditAction
from models.staff.second_factors import StaffSecondFactors


async def reset_second_factor(visit: PageRequest, form: Form) -> web.StreamResponse:
    """They set up another one at their next sign-in."""
    who = await reader_of(visit)
    try:
        reason = form_reason(form)
    except InvalidRequest as error:
        return await render_reader(visit, who, **refusal(visit, error, typed_in(form)))
    await visit[StaffSecondFactors].reset(staff_context(visit), who, reason)
    return redirect(f"/console/readers/{who.id}?done={AuditAction.RESET_SECOND_FACTOR}")
