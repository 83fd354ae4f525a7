"""Imports floors from files: first a preview, then the import. The previewed plans are stored
only in the browser's form, so the import checks them again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

from handlers.affected_bookings.console import open_question, resolution_from
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.http.uploads import LARGEST_FORM, read_upload
from handlers.library.console.floor_plans import words
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import refuse, typed_in
from handlers.staff.spreadsheets import XLSX_TYPE, download
from handlers.texts.console import BETWEEN, CHANGE_TEXT, WRONG_TEXT
from handlers.texts.console_labels import MARK_TEXT
from handlers.texts.errors import reason_text
from handlers.texts.floor_files import (
    AREA_TEXT,
    COLUMN_TEXT,
    ENCODING_TEXT,
    FEATURE_COLUMNS,
    FEATURE_WORDS,
    KIND_TEXT,
    LINE_TEXT,
    PROBLEM_TEXT,
    SHEET_TEXT,
    TEMPLATE_EXPLAINED,
    TEMPLATE_FIELDS,
    TEMPLATE_ROWS,
    WORDS,
    YES,
)
from languages.text import joined
from models.floor_files import decoding, writing
from models.floor_files.entities import (
    LARGEST_FILE,
    MOST_SEATS_IN_FILE,
    OWN_FEATURE,
    AreaInFile,
    FileProblem,
    FloorFile,
)
from models.floor_files.rules import Defaults, ImportPlan, PlannedArea, plan_import
from models.floor_files.table import Vocabulary
from models.kernel.errors import Malformed
from models.library.entities import SEAT_SIZE, Area, Seat
from models.library.errors import PlanChanged
from models.library.plan_editing import MOST_SEATS, PlanDiff, differences
from models.library.plan_json import plan_to_json
from models.library.seat_features import SeatFeatures
from models.library.seat_names import name_key
from models.policy.staff import AreaChange, StaffPolicyAndPlans
from models.staff.audit import AuditAction
from models.storage.confined import TooCostly

_CSV: Final = "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AreaPreview:
    """An area in an import's preview. ``changes``: the changes in words. ``drawn``: the seats to
    draw, by ``removed``, ``added``, ``changed`` and ``kept``."""

    area: Area
    is_new: bool
    venue: str
    changes: list[str]
    drawn: dict[str, list[Seat]]


async def import_page(visit: PageRequest) -> web.StreamResponse:
    await visit[REFERENCE].refresh()
    return _page(visit)


def _page(visit: PageRequest, **more: Any) -> web.Response:
    facts: dict[str, Any] = {
        "venues": list(visit[REFERENCE].catalog.venues_in_use),
        "largest": LARGEST_FILE // 1024 // 1024,
        "most": MOST_SEATS,
        "most_in_file": MOST_SEATS_IN_FILE,
        "feature_columns": _feature_columns(visit),
        "feature_words": FEATURE_WORDS,
        "seat_size": SEAT_SIZE,
        "mark_text": MARK_TEXT,
        "problems": [],
        "previews": [],
        "removes": False,
        "ignored": [],
        "encoding": "",
        "encodings": ENCODING_TEXT,
        "impact": None,
        "plans": "",
        "typed": {},
    }
    return render(visit, "floor_import", **facts | more)


async def import_file(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Shows the preview of an uploaded file, or imports the plans of a confirmed preview."""
    reference = visit[REFERENCE]
    await reference.refresh()  # another worker may have changed a plan
    typed = typed_in(form, ("venue", "floor", "encoding", "reason"))
    confirms = bool(form_text(form, "plans"))
    try:
        file = await _read(visit, form)
        if file.problems:
            return _page(visit, status=400, problems=_words(visit, file.problems), typed=typed)
        file_areas = file.areas
        plan = await asyncio.to_thread(plan_import, file_areas, reference.catalog, _defaults(typed))
    except Malformed as error:
        refuse(visit, form, error)
        return _page(visit, typed=typed)
    if plan.problems:
        return _page(visit, status=400, problems=_words(visit, plan.problems), typed=typed)
    changed = [a for a in plan.areas if a.old is None or differences(a.old, a.new).any]
    previews = [_preview(visit, a) for a in plan.areas]
    preview = {
        "previews": previews,
        "removes": any(p.drawn.get("removed") for p in previews),
        "ignored": file.ignored,
        "encoding": file.encoding,
        "plans": _plans_json(plan),
    }
    try:
        if confirms and any(_base(a) != read.base for a, read in _pairs(plan, file_areas)):
            raise PlanChanged()
        if not changed:
            raise Malformed("file", WRONG_TEXT["nothing_changed"])
        catalog = reference.catalog.with_areas(*(a.new for a in changed))
        question = await open_question(visit, form, reference.policy, catalog)
        if question is not None:
            return _page(visit, **preview | question, typed=typed)
        await visit[StaffPolicyAndPlans].change_areas(
            staff_context(visit),
            [_change(a) for a in changed],
            form_reason(form),
            resolution_from(form),
        )
    except (PlanChanged, Malformed) as error:
        question = await _impact(visit, changed) if changed else {}
        refuse(visit, form, error)
        return _page(visit, **preview | question, typed=typed)
    return redirect(f"/console/plans?done={AuditAction.CHANGE_PLAN}")


async def _read(visit: PageRequest, form: Form) -> FloorFile:
    """The content of the uploaded file or the confirmed preview. ``problems`` has its errors."""
    plans, file = form_text(form, "plans"), form.get("file")
    named = form_text(form, "encoding")
    encoding = named if named in ENCODING_TEXT else ""
    if plans:
        data, most = plans.encode(), LARGEST_FORM
    elif isinstance(file, bytes) and file:
        data, most = file, LARGEST_FILE
    else:
        return FloorFile(problems=[FileProblem(Malformed("file", "file_missing"))])
    words = _with_own_columns(visit[REFERENCE].catalog.features)
    try:
        return await read_upload(visit.request, decoding.read_file, data, words, most, encoding)
    except TooCostly:
        return FloorFile(problems=[FileProblem(Malformed("file", "too_costly"))])


def _defaults(typed: dict[str, str]) -> Defaults:
    """The form's venue and floor, for areas whose file names none. Raises: Malformed."""
    floor = typed["floor"].strip()
    if floor and not re.fullmatch(r"-?[0-9]{1,2}", floor):
        raise Malformed("floor", WRONG_TEXT["floor_out_of_range"])
    return Defaults(typed["venue"], int(floor) if floor else None)


async def _impact(visit: PageRequest, changed: list[PlannedArea]) -> dict[str, Any]:
    """The preview's template data on affected bookings; empty if no booking is affected."""
    reference = visit[REFERENCE]
    catalog = reference.catalog.with_areas(*(a.new for a in changed))
    nothing: Form = MultiDictProxy(MultiDict())
    return await open_question(visit, nothing, reference.policy, catalog) or {}


def _pairs(plan: ImportPlan, file_areas: list[AreaInFile]) -> list[tuple[PlannedArea, AreaInFile]]:
    return list(zip(plan.areas, file_areas, strict=True))


def _base(planned: PlannedArea) -> int:
    return planned.old.rev if planned.old is not None else -1


def _plans_json(plan: ImportPlan) -> str:
    return decoding.to_json(
        [{**plan_to_json(a.new), "venue": a.new.venue_id, "base": _base(a)} for a in plan.areas]
    )


def _change(planned: PlannedArea) -> AreaChange:
    if planned.old is None:
        summary = CHANGE_TEXT["imported"].format(seats=len(planned.new.seats))
        return AreaChange(AuditAction.ADD_AREA, None, planned.new, summary)
    summary = joined(words(differences(planned.old, planned.new)), BETWEEN["changes"])
    return AreaChange(AuditAction.CHANGE_PLAN, planned.old, planned.new, summary)


def _preview(visit: PageRequest, planned: PlannedArea) -> AreaPreview:
    old, new = planned.old, planned.new
    venue = visit[REFERENCE].catalog.venues[new.venue_id].name
    if old is None:
        changes = [CHANGE_TEXT["imported"].format(seats=len(new.seats))]
        return AreaPreview(new, True, venue, changes, {"added": list(new.seats)})
    diff = differences(old, new)
    return AreaPreview(new, False, venue, words(diff), _drawn(old, new, diff))


def _drawn(old: Area, new: Area, diff: PlanDiff) -> dict[str, list[Seat]]:
    """The seats to draw in a preview, by ``removed``, ``added``, ``changed``, ``kept``. Removed
    seats come first, so that the others are drawn over them."""
    before, added = {seat.id for seat in old.seats}, set(diff.added)
    other = {*diff.moved, *diff.features_changed, *diff.disabled, *diff.enabled}
    other |= {now for _, now in diff.renumbered}
    after = {seat.id for seat in new.seats}
    drawn: dict[str, list[Seat]] = {"removed": [s for s in old.seats if s.id not in after]}
    for seat in new.seats:
        state = "changed" if seat.number in other else "kept"
        if seat.number in added and seat.id not in before:
            state = "added"
        drawn.setdefault(state, []).append(seat)
    return drawn


def _words(visit: PageRequest, problems: Iterable[FileProblem]) -> list[str]:
    columns = _column_texts(visit)
    return [_problem(problem, columns) for problem in problems]


def _problem(problem: FileProblem, columns: Mapping[str, str]) -> str:
    details = problem.error.details
    column = str(details.get("column", ""))
    facts = {**details, "column": columns.get(column, column), "words": FEATURE_WORDS}
    reason = str(details["reason"])
    sentence = PROBLEM_TEXT.get(reason)
    what = sentence.format_map(facts) if sentence is not None else reason_text(details)
    if problem.line is not None:
        return LINE_TEXT.format(line=problem.line, what=what)
    return AREA_TEXT.format(area=problem.area, what=what) if problem.area else what


# --- files to take away ---------------------------------------------------------------------------
async def export_csv(visit: PageRequest) -> web.StreamResponse:
    """The area's seats as a CSV file that can be edited and imported again."""
    area = visit[REFERENCE].area(visit.id)
    visit.require_in(area.venue_id)
    catalog, columns = visit[REFERENCE].catalog, _column_texts(visit)
    fields, named = writing.fields_of(catalog.features, area), COLUMN_TEXT["area"]
    head = [columns.get(name) or name.replace("area", named) for name in fields]
    venue = visit[REFERENCE].catalog.venues[area.venue_id].name
    rows = [head, *writing.rows_of(area, venue, fields, YES, KIND_TEXT)]
    return download(writing.as_csv(_said(visit, rows)), _CSV, f"{area.id}.csv")


async def template_csv(visit: PageRequest) -> web.StreamResponse:
    return download(writing.as_csv(_said(visit, _template_rows(visit))), _CSV, "seats.csv")


async def template_xlsx(visit: PageRequest) -> web.StreamResponse:
    """An example of an import file as an XLSX workbook, with a sheet that explains the columns."""
    say = language_of(visit.request).say
    sheets: dict[str, Sequence[writing.Row]] = {
        say(SHEET_TEXT["seats"]): _said(visit, _template_rows(visit)),
        say(SHEET_TEXT["explained"]): _said(
            visit,
            [
                (_feature_columns(visit) if what == FEATURE_COLUMNS else what, how)
                for what, how in TEMPLATE_EXPLAINED
            ],
        ),
    }
    book = await asyncio.to_thread(writing.as_workbook, sheets)
    return download(book, XLSX_TYPE, "seats.xlsx")


def _said(visit: PageRequest, rows: Iterable[writing.Row]) -> list[writing.Row]:
    """The rows in the language of the staff member."""
    language = language_of(visit.request)
    return [[language.say(cell) for cell in row] for row in rows]


def _template_rows(visit: PageRequest) -> list[writing.Row]:
    own = _own_names(visit)
    head = [*(COLUMN_TEXT[name] for name in TEMPLATE_FIELDS), *own]
    return [head, *((*row, *("" for _ in own)) for row in TEMPLATE_ROWS)]


def _own_names(visit: PageRequest) -> list[str]:
    """The columns of the library's own features, by the names that these have first."""
    features = visit[REFERENCE].catalog.features.in_use
    return [feature.name for feature in features]


def _feature_columns(visit: PageRequest) -> str:
    return joined((FEATURE_COLUMNS, *_own_names(visit)), BETWEEN["names"])


def _column_texts(visit: PageRequest) -> dict[str, str]:
    """The heading of each column by its field."""
    own = visit[REFERENCE].catalog.features.all
    return {**COLUMN_TEXT, **{OWN_FEATURE + f.id: f.name for f in own}}


def _with_own_columns(features: SeatFeatures) -> Vocabulary:
    """The vocabulary of floor files with a column for each name of the library's own features."""
    own = {name_key(name): OWN_FEATURE + f.id for f in features.in_use for name in f.names.values()}
    return replace(WORDS, columns={**own, **WORDS.columns})
