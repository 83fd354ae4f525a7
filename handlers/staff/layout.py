"""What all pages of the console share: the frame, the pager, and how a reader is named."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, render_page
from handlers.staff.setup_steps import is_under_way, step_lines
from handlers.texts.console_labels import ACTION_LABELS, ROLE_TEXT
from models.identity.roles import Role
from models.readers.entities import Reader
from models.staff.recorder import StaffContext

PAGE: Final = 20
SHOWN: Final = 100


def render(visit: PageRequest, template: str, *, status: int = 200, **facts: Any) -> web.Response:
    """The console's page."""
    return render_page(
        visit.request,
        f"staff/{template}.html",
        status=status,
        reader=visit.reader,
        role=ROLE_TEXT[visit.role or ""],
        decides=visit.may(Role.LIBRARIAN),
        action_labels=ACTION_LABELS,
        setup_left=_setup_left(visit),
        **facts,
    )


def _setup_left(visit: PageRequest) -> int | None:
    """How many steps of the first run are left, for who can do them; None where it is over."""
    reference = visit[REFERENCE]
    if not visit.may(Role.ADMINISTRATOR) or not is_under_way(reference):
        return None
    return sum(not line.done for line in step_lines(reference))


def staff_context(visit: PageRequest) -> StaffContext:
    """Who of the staff changes something, and when."""
    assert visit.role is not None
    return StaffContext(visit.reader, visit.role, visit.now)


def page_number(visit: PageRequest) -> int:
    """The page that the address asks for; the first where it asks for none."""
    text = visit.request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100_000 else 1


def pages_of(total: int) -> int:
    """How many pages there are; one at least."""
    return max(1, -(-total // PAGE))


def reader_label(reader: Reader | None) -> str:
    """The reader's name and masked number; empty for an unknown one."""
    return f"{reader.name} {reader.student_no_masked}" if reader is not None else ""
