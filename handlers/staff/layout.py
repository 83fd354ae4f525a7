"""What all pages of the console share: who may see and do what, and what stands around it."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.http.pages import PageRequest, count_error, render_page
from handlers.staff.labels import ROLE_TEXT, VERBS
from handlers.texts.errors import text_of
from models.identity.roles import LIBRARIAN, has_role
from models.kernel.errors import DomainError
from models.readers.entities import Reader

PAGE: Final = 20
SHOWN: Final = 100


def render(visit: PageRequest, template: str, *, status: int = 200, **facts: Any) -> web.Response:
    return render_page(
        visit.request,
        f"staff/{template}.html",
        status=status,
        reader=visit.reader,
        role=ROLE_TEXT[visit.reader.category],
        decides=has_role(visit.reader.category, LIBRARIAN),
        verbs=VERBS,
        **facts,
    )


def staff_context(visit: PageRequest) -> deeds.StaffContext:
    return deeds.StaffContext(visit.services, visit.reader, visit.now)


def page_number(visit: PageRequest) -> int:
    text = visit.request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100_000 else 1


def pages_of(total: int) -> int:
    return max(1, -(-total // PAGE))


def reader_label(reader: Reader | None) -> str:
    return f"{reader.name} {reader.student_no_masked}" if reader is not None else ""


def error_text(visit: PageRequest, error: DomainError) -> str:
    count_error(visit.request, error)
    return text_of(error.code, error.details)
