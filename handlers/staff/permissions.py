"""Who of the staff may open a page or send a form. The server refuses, whatever a page shows."""

from __future__ import annotations

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.pages import Handler, PageRequest, Posted, Shown, reader_form, reader_page
from handlers.http.request_body import MAX_BODY_BYTES
from models.identity.entities import SessionKind
from models.identity.roles import LIBRARIAN, VIEWER, has_role
from models.kernel.errors import NotAllowed


def staff_page(shown: Shown, role: str = VIEWER) -> Handler:
    """A page for who has that role at least."""

    async def for_staff(visit: PageRequest) -> web.StreamResponse:
        _allow(visit, role)
        return await shown(visit)

    return reader_page(for_staff, patient=True)


def staff_form(
    posted: Posted,
    role: str = LIBRARIAN,
    max_bytes: int = MAX_BODY_BYTES,
    *,
    multipart: bool = False,
) -> Handler:
    """A form for who has that role at least."""

    async def for_staff(visit: PageRequest, form: Form) -> web.StreamResponse:
        _allow(visit, role)
        return await posted(visit, form)

    return reader_form(for_staff, max_bytes=max_bytes, multipart=multipart, patient=True)


def _allow(visit: PageRequest, role: str) -> None:
    """Who has that role, signed in by the campus: a phone stays signed in for a month. Raises:
    NotAllowed."""
    web_session = visit.principal.session.kind is SessionKind.WEB
    if not web_session or not has_role(visit.reader.category, role):
        raise NotAllowed()
