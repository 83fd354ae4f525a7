"""学期座位 in the console: announcing a season, freezing its list, drawing, and the result."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta
from multidict import MultiDict, MultiDictProxy

from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.http.uploads import LARGEST_FORM
from handlers.seasons import presenter
from handlers.staff.forms import Lines, decode, form_key
from handlers.staff.layout import render, staff_context
from handlers.staff.permissions import staff_form, staff_page
from handlers.staff.row_files import problem_text, read_table
from handlers.staff.sent_forms import keep_typed, refuse
from handlers.staff.spreadsheets import XLSX_TYPE, csv_lines, download
from handlers.texts.floor_files import ENCODING_TEXT
from handlers.texts.locker_files import (
    LOCKER_COLUMN_TEXT,
    LOCKER_COLUMNS,
    SHEET,
    TEMPLATE_ROWS,
)
from handlers.texts.seasons import EXPORT_HEADER, KIND_TEXT, STAGE_TEXT
from models.floor_files import writing
from models.floor_files.entities import LARGEST_FILE
from models.floor_files.row_table import RowTable
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.kernel.text import BYTE_ORDER_MARK
from models.reader_groups.entities import GroupId
from models.season_holders.staff import StaffSeasonHolders
from models.seasons.calculation import MOST_WEIGHT, MOST_WISHES
from models.seasons.entities import SeasonKind, SeasonPlan, Thing, Which
from models.seasons.lockers import as_lines, lockers, lockers_of, read_lockers
from models.seasons.rule_text import Source
from models.seasons.rules import (
    LONGEST_SOURCE,
    LONGEST_TITLE,
    MOST_GRACE_DAYS,
    MOST_UNUSED_DAYS,
    check_plan,
    stage,
)
from models.seasons.service import SeasonService
from models.seasons.staff import StaffSeasons
from models.staff.audit import AuditAction

HERE: Final = "/console/seasons"
_LISTED: Final = 100


class SeasonForm(msgspec.Struct):
    """``area``: the areas whose seats are given; ``lockers``: a number and perhaps a size a
    line."""

    kind: SeasonKind
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    first: date
    last: date
    default_weight: Annotated[int, Meta(ge=0, le=MOST_WEIGHT)]
    most_wishes: Annotated[int, Meta(ge=1, le=MOST_WISHES)]
    opens_at: datetime
    closes_at: datetime
    first_value: Annotated[str, Meta(min_length=1, max_length=LONGEST_SOURCE)]
    first_value_at: datetime
    alternative_value: Annotated[str, Meta(min_length=1, max_length=LONGEST_SOURCE)]
    alternative_value_at: datetime
    reveal_by: datetime
    area: frozenset[str] = frozenset()
    lockers: Annotated[Lines, Meta(max_length=200_000)] = ""
    start: time | None = None
    end: time | None = None
    come_by: time | None = None
    unused_days: Annotated[int, Meta(ge=0, le=MOST_UNUSED_DAYS)] = 0
    grace_days: Annotated[int, Meta(ge=0, le=MOST_GRACE_DAYS)] = 0


@dataclass(frozen=True, slots=True)
class _Preview:
    """The season as it would be announced. ``counts``: the number of members of each group with a
    weight of its own."""

    plan: SeasonPlan
    counts: Mapping[GroupId, int]


async def seasons(visit: PageRequest) -> web.StreamResponse:
    """The seasons, newest first."""
    listed = await visit[SeasonService].latest(_LISTED)
    return render(
        visit,
        "seasons",
        seasons=[(one, stage(one, visit.now)) for one in listed],
        stages=STAGE_TEXT,
        kinds=KIND_TEXT,
    )


async def new_season(
    visit: PageRequest, preview: _Preview | None = None, table: RowTable | None = None
) -> web.StreamResponse:
    """The form of a new season. ``preview``: of the form as typed; ``table``: of the lockers in
    the file that came with it."""
    reference = visit[REFERENCE]
    problems = table.problems if table is not None else []
    return render(
        visit,
        "season_form",
        status=400 if problems else 0,
        problems=[problem_text(problem, LOCKER_COLUMN_TEXT) for problem in problems],
        table=table,
        encodings=ENCODING_TEXT,
        largest=LARGEST_FILE // 1024 // 1024,
        preview=preview,
        venues=reference.catalog.by_venue(reference.catalog.areas_in_use),
        reader_groups=[*reference.groups.by_id.values()],
        kinds=KIND_TEXT,
        longest_title=LONGEST_TITLE,
        longest_source=LONGEST_SOURCE,
        most_weight=MOST_WEIGHT,
        most_wishes=MOST_WISHES,
    )


async def announce(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Announces the season, or shows its preview; with a file of lockers always the preview."""
    if isinstance(file := form.get("file"), bytes):
        return await _import(visit, form, file)
    plan = _checked_plan(visit, form)
    if form_text(form, "operation") != "announce":
        keep_typed(visit, form)
        return await new_season(visit, await _preview(visit, plan))
    made = await visit[StaffSeasons].announce(staff_context(visit), plan, form_key(form))
    return redirect(f"{HERE}/{made.id}?done={AuditAction.ANNOUNCE_SEASON}")


async def _import(visit: PageRequest, form: Form, file: bytes) -> web.StreamResponse:
    """Shows the form with the lockers of the file among those that were typed: a number in both
    is as in the file. Raises: Malformed for wrong typed lines."""
    typed = lockers(form_text(form, "lockers"))
    table = await read_table(visit, form, read_lockers, LOCKER_COLUMNS, file)
    things, problems = lockers_of(table.rows)
    if problems or table.problems:
        keep_typed(visit, form)
        return await new_season(visit, table=replace(table, problems=table.problems or problems))
    both = {one.id: one for one in (*typed, *things)}
    fields = MultiDict(form)
    fields["kind"], fields["lockers"] = SeasonKind.LOCKERS, as_lines(both.values())
    filled, preview = MultiDictProxy(fields), None
    try:
        preview = await _preview(visit, _checked_plan(visit, filled))
        keep_typed(visit, filled)
    except Malformed as error:
        refuse(visit, filled, error)
    return await new_season(visit, preview, table)


async def lockers_xlsx(visit: PageRequest) -> web.StreamResponse:
    """Sends a table of lockers to fill in, with examples."""
    say = language_of(visit.request).say
    rows = [[say(cell) for cell in row] for row in ([*LOCKER_COLUMN_TEXT.values()], *TEMPLATE_ROWS)]
    book = await asyncio.to_thread(writing.as_workbook, {say(SHEET): rows})
    return download(book, XLSX_TYPE, "lockers.xlsx")


def _checked_plan(visit: PageRequest, form: Form) -> SeasonPlan:
    """The season that the form describes, if it can be announced now. Raises: Malformed."""
    plan = _plan(visit, form)
    check_plan(plan, visit.now)
    return plan


async def _preview(visit: PageRequest, plan: SeasonPlan) -> _Preview:
    return _Preview(plan, await visit[StaffSeasons].members(plan))


def _plan(visit: PageRequest, form: Form) -> SeasonPlan:
    """The season that the form describes. Raises: Malformed."""
    typed = decode(visit.zone, form, SeasonForm)
    seats = typed.kind is SeasonKind.SEATS
    hours = (typed.start, typed.end) if typed.start and typed.end else None
    return SeasonPlan(
        title=typed.title,
        kind=typed.kind,
        given=_seats(visit, typed) if seats else lockers(typed.lockers),
        first=typed.first,
        last=typed.last,
        hours=hours if seats else None,
        default_weight=typed.default_weight,
        weights=_weights(visit, form),
        most_wishes=typed.most_wishes,
        opens_at=typed.opens_at,
        closes_at=typed.closes_at,
        sources={
            Which.FIRST: Source(typed.first_value, typed.first_value_at),
            Which.ALTERNATIVE: Source(typed.alternative_value, typed.alternative_value_at),
        },
        reveal_by=typed.reveal_by,
        come_by=typed.come_by if seats else None,
        unused_days=typed.unused_days if seats else 0,
        grace_days=0 if seats else typed.grace_days,
    )


def _seats(visit: PageRequest, typed: SeasonForm) -> tuple[Thing, ...]:
    """The seats of the chosen areas in the library's order, without those that are out of service
    on the first day."""
    areas = visit[REFERENCE].catalog.areas_in_use
    return tuple(
        Thing(seat.id)
        for area in areas
        if area.id in typed.area
        for seat in area.seats
        if seat.unavailable_reason(typed.first) is None
    )


def _weights(visit: PageRequest, form: Form) -> dict[GroupId, int]:
    """The weights of the groups whose field is not empty. Raises: Malformed."""
    weights = {}
    for id in visit[REFERENCE].groups.by_id:
        text = form_text(form, f"weight-{id}")
        if not text:
            continue
        if len(text) != 1 or not text.isascii() or not text.isdecimal():
            raise Malformed(f"weight-{id}", "season_weights")
        weights[id] = int(text)
    return weights


async def season(visit: PageRequest) -> web.StreamResponse:
    """A season with the step that can be taken now."""
    one = await visit[SeasonService].get(visit.id)
    started = one.started
    return render(
        visit,
        "season",
        season=one,
        stage=stage(one, visit.now),
        stages=STAGE_TEXT,
        kinds=KIND_TEXT,
        started=started,
        by_me=started is not None and started.by == visit.reader.id,
        here=f"{HERE}/{one.id}",
        freezes=one.state == "open" and one.plan.closes_at <= visit.now,
        draws=[
            which
            for which, source in one.plan.sources.items()
            if one.list is not None and one.list.at < source.at <= visit.now
        ],
        longest_source=LONGEST_SOURCE,
        outcome=await visit[StaffSeasons].outcome(one, visit.now),
    )


async def start_freeze(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[StaffSeasons].start_freeze(staff_context(visit), visit.id)
    return _done(visit, AuditAction.START_FREEZE_SEASON)


async def confirm_freeze(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[StaffSeasons].confirm_freeze(staff_context(visit), visit.id)
    return _done(visit, AuditAction.FREEZE_SEASON)


async def start_draw(visit: PageRequest, form: Form) -> web.StreamResponse:
    which, value = _which(form), form_text(form, "value")
    await visit[StaffSeasons].start_draw(staff_context(visit), visit.id, which, value)
    return _done(visit, AuditAction.START_DRAW_SEASON)


async def confirm_draw(visit: PageRequest, form: Form) -> web.StreamResponse:
    which, value = _which(form), form_text(form, "value")
    await visit[StaffSeasons].confirm_draw(staff_context(visit), visit.id, which, value)
    return _done(visit, AuditAction.DRAW_SEASON)


def _which(form: Form) -> Which:
    try:
        return Which(form_text(form, "which"))
    except ValueError:
        raise Malformed("which", "season_line") from None


async def abort(visit: PageRequest, form: Form) -> web.StreamResponse:
    await visit[StaffSeasons].abort(staff_context(visit), visit.id, form_reason(form))
    return _done(visit, AuditAction.ABORT_SEASON)


def _done(visit: PageRequest, action: AuditAction) -> web.StreamResponse:
    return redirect(f"{HERE}/{visit.id}?done={action}")


async def result_csv(visit: PageRequest) -> web.StreamResponse:
    """Sends the result with the readers' names as a CSV file, which the audit log records."""
    one, ranked = await visit[StaffSeasons].result(staff_context(visit), visit.id)
    language, labels = language_of(visit.request), presenter.labels(visit[REFERENCE], one)
    rows: list[tuple[Any, ...]] = [EXPORT_HEADER]
    for application, reader in ranked:
        person = reader.decrypt() if reader is not None else None
        label = labels[application.thing] if application.thing is not None else ""
        name, number = (person.name, person.student_no) if person is not None else ("", "")
        rows.append((application.rank, name, number, label, application.weight))
    body = BYTE_ORDER_MARK.encode() + csv_lines(rows, language)
    return download(body, "text/csv; charset=utf-8", f"season-{one.id}.csv")


async def holders(visit: PageRequest) -> web.StreamResponse:
    """The page with who has what of a drawn season, which the audit log records."""
    one, held, waiting = await visit[StaffSeasonHolders].holders(staff_context(visit), visit.id)
    zone = visit.zone
    plan, today = one.plan, zone.day(visit.now)
    people = {
        application.thing: (application, reader.decrypt() if reader is not None else None)
        for application, reader in held
    }
    return render(
        visit,
        "season_holders",
        season=one,
        here=f"{HERE}/{one.id}",
        labels=presenter.labels(visit[REFERENCE], one),
        people=people,
        waiting=waiting,
        over=today > plan.last,
        overdue=today > plan.until,
    )


async def take_back(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Takes back what a holder has, or notes that a locker is empty after the season."""
    await visit[StaffSeasonHolders].take_back(
        staff_context(visit), visit.id, form_text(form, "thing"), form_reason(form)
    )
    return redirect(f"{HERE}/{visit.id}/holders?done={AuditAction.TAKE_BACK_SEASON}")


def season_routes() -> list[web.RouteDef]:
    """All routes of the seasons' pages, which only administrators of the whole library may use."""
    page_route = partial(staff_page, role=Role.ADMINISTRATOR, whole=True)
    form_route = partial(staff_form, role=Role.ADMINISTRATOR, whole=True)
    one = f"{HERE}/{{id}}"
    return [
        web.get(HERE, page_route(seasons)),
        web.post(
            HERE, form_route(announce, max_bytes=LARGEST_FORM, multipart=True, page=new_season)
        ),
        web.get(f"{HERE}/new", page_route(new_season)),
        web.get(f"{HERE}/lockers.xlsx", page_route(lockers_xlsx)),
        web.get(one, page_route(season)),
        web.get(f"{one}/result.csv", page_route(result_csv)),
        web.post(f"{one}/freeze", form_route(start_freeze, page=season)),
        web.post(f"{one}/freeze/confirm", form_route(confirm_freeze, page=season)),
        web.post(f"{one}/draw", form_route(start_draw, page=season)),
        web.post(f"{one}/draw/confirm", form_route(confirm_draw, page=season)),
        web.post(f"{one}/abort", form_route(abort, page=season)),
        web.get(f"{one}/holders", page_route(holders)),
        web.post(f"{one}/holders", form_route(take_back, page=holders)),
    ]
