from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.layout import render, staff_context
from handlers.staff.setup_steps import STEP_PAGES, StepLine, step_lines
from handlers.texts.console import BETWEEN
from handlers.texts.setup import NEXT_STEP, SETUP_WRONG
from languages.text import joined
from models.kernel.errors import Malformed, NotFound
from models.profile.entities import SetupStep, StepMark
from models.profile.staff import StaffProfile
from models.staff.audit import AuditAction

_NEEDED: Final = (SetupStep.VENUES, SetupStep.FLOORS)
"""The steps of the first run without which readers cannot book a seat."""


async def setup(visit: PageRequest) -> web.StreamResponse:
    reference = visit[REFERENCE]
    await reference.refresh()
    lines = step_lines(reference)
    return render(
        visit,
        "setup",
        lines=lines,
        following=next((line for line in lines if line.state == "open"), None),
        left=sum(not line.done for line in lines),
        progress=reference.setup,
        needed=joined(_missing(lines), NEXT_STEP),
    )


def _missing(lines: Sequence[StepLine]) -> list[str]:
    return [line.title for line in lines if line.step in _NEEDED and not line.done]


async def go_on(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Begins or ends the first run, or marks one of its steps, as the form's ``operation`` says."""
    reference, staff = visit[REFERENCE], visit[StaffProfile]
    await reference.refresh()
    context, operation, rev = staff_context(visit), form_text(form, "operation"), _rev(form)
    if operation == "begin":
        await staff.begin_setup(context)
        return redirect(STEP_PAGES[SetupStep.PROFILE])
    if operation == "finish":
        if missing := _missing(step_lines(reference)):
            steps = joined(missing, BETWEEN["names"])
            raise Malformed("steps", SETUP_WRONG["not_ready"].format(steps=steps))
        await staff.finish_setup(context, rev)
        return redirect(f"/console?done={AuditAction.SET_UP}")
    step, mark = _step(form_text(form, "step")), _mark(operation)
    await staff.mark_step(context, rev, step, mark)
    return redirect(f"/console/setup?done={AuditAction.SET_UP}")


def _rev(form: Form) -> int:
    text = form_text(form, "base")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1


def _step(text: str) -> SetupStep:
    """The step of this name. Raises: NotFound."""
    if text not in set(SetupStep):
        raise NotFound()
    return SetupStep(text)


def _mark(text: str) -> StepMark:
    """The mark of this name (done, or to be done later). Raises: NotFound."""
    if text not in set(StepMark):
        raise NotFound()
    return StepMark(text)
