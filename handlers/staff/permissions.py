"""Roles that the console's pages and forms require, checked by the server."""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from handlers.http.authentication import require_role
from handlers.http.forms import Form
from handlers.http.pages import (
    Handler,
    PageRequest,
    Posted,
    Shown,
    reader_form,
    reader_page,
    redirect,
    to_sign_in,
)
from handlers.http.request_body import MAX_BODY_BYTES
from handlers.staff.sent_forms import refuse
from models.identity.errors import SecondFactorRequired, SignInAgain
from models.identity.roles import Role
from models.kernel.errors import Conflict, Malformed, RuleViolation


def staff_page(page: Shown, role: Role = Role.VIEWER, *, whole: bool = False) -> Handler:
    """The handler of a console page that requires ``role`` in some venue or, with ``whole``, in
    the whole library."""

    async def for_staff(visit: PageRequest) -> web.StreamResponse:
        try:
            await require_role(visit.request, visit.principal, role, visit.now)
        except SignInAgain:
            return to_sign_in(visit.request, renew=True)
        except SecondFactorRequired:
            return redirect(f"/second-factor?next={quote(visit.request.path_qs, safe='')}")
        if whole:
            visit.require_in(None, role)
        return await page(visit)

    return reader_page(for_staff, patient=True)


def staff_form(
    posted: Posted,
    role: Role = Role.LIBRARIAN,
    max_bytes: int = MAX_BODY_BYTES,
    *,
    multipart: bool = False,
    whole: bool = False,
    page: Shown | None = None,
) -> Handler:
    """The handler of a console form that requires ``role`` in some venue or, with ``whole``, in
    the whole library. If the form is refused, ``page`` shows it as it was sent, with the error."""

    async def for_staff(visit: PageRequest, form: Form) -> web.StreamResponse:
        await require_role(visit.request, visit.principal, role, visit.now)
        if whole:
            visit.require_in(None, role)
        try:
            return await posted(visit, form)
        except (Malformed, Conflict, RuleViolation) as error:
            if page is None:
                raise
            refuse(visit, form, error)
            return await page(visit)

    return reader_form(for_staff, max_bytes=max_bytes, multipart=multipart, patient=True)
