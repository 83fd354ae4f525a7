"""The pages of the people who work for the library: what is going on, and helping readers.

A viewer may look; who decides must be a librarian. The server refuses, whatever a page shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.api import present
from handlers.errors import status_of
from handlers.messages import STATE_TEXT, text_of
from handlers.web import calendar
from handlers.web.contact import written
from handlers.web.pages import (
    LONGEST_REASON,
    Form,
    Handler,
    Posted,
    Shown,
    Visit,
    change,
    counted,
    look,
    page,
    reason_in,
    redirect,
    text_in,
)
from handlers.web.statistics import as_csv, as_xlsx, figures, interval
from models import rules
from models.audit import Facts
from models.booking import calendar as hours
from models.booking import penalties, reserve
from models.booking.tally import bookings_of
from models.errors import Conflict, Malformed, NotAllowed, NotFound, RuleViolation, ServiceError
from models.library import AreaId, KioskId
from models.outage import GRACE, RETIRED
from models.overview import Brief, fullness, totals
from models.reader import (
    ADMINISTRATOR,
    LIBRARIAN,
    VIEWER,
    Reader,
    SessionKind,
    may,
    normalise_student_no,
)
from models.reservation import LIVE, ReaderId, Reservation, State
from models.store.audit import Sought
from models.timerange import at, local, local_date

PAGE: Final = 20
SHOWN: Final = 100
_UNSEEN: Final = timedelta(minutes=10)
"""A gate that has said nothing for so long while the library is open."""

VERBS: Final = {
    "check_in": "到馆签到",
    "leave": "暂离",
    "finish": "结束",
    "cancel": "取消",
    "move": "换座",
    "resolve": "已清理",
    "waive": "免除违约",
    "waive_all": "批量免除",
    "settle_appeal": "答复申诉",
    "unbind": "解除绑定",
    "answer": "答复留言",
    "rules": "更改开放时间",
    "misfits": "取消开放时间外的预约",
}
FACTS: Final = {
    "state": "状态",
    "seat": "座位",
    "start": "开始",
    "end": "结束",
    "waived": "免除",
    "appeal_waits": "申诉待处理",
    "bound": "已绑定",
    "answered": "已答复",
    "version": "规则版本",
    "change": "内容",
    "cancelled": "取消的预约",
    "left": "未能取消",
}
_STATES: Final = {state.value: text for state, text in STATE_TEXT.items()}
ROLE_TEXT: Final = {"viewer": "查看", "librarian": "馆员", "administrator": "管理员"}
TROUBLES: Final = {
    "redis": "Redis 连不上（预约不受影响）",
    "board": "座位图更新迟缓",
    "library": "还没有座位数据",
}


def staff_look(shown: Shown, role: str = VIEWER) -> Handler:
    """A page for who has that role at least."""

    async def for_staff(visit: Visit) -> web.StreamResponse:
        _allow(visit, role)
        return await shown(visit)

    return look(for_staff)


def staff_change(posted: Posted, role: str = LIBRARIAN) -> Handler:
    """A form for who has that role at least."""

    async def for_staff(visit: Visit, form: Form) -> web.StreamResponse:
        _allow(visit, role)
        return await posted(visit, form)

    return change(for_staff)


def _allow(visit: Visit, role: str) -> None:
    """Who has that role, signed in by the campus: a phone stays signed in for a month. Raises:
    NotAllowed."""
    web_session = visit.principal.session.kind is SessionKind.WEB
    if not web_session or not may(visit.reader.kind, role):
        raise NotAllowed()


def console_routes() -> list[web.RouteDef]:
    return [
        web.get("/console", staff_look(today)),
        web.get("/console/seats", staff_look(patrol)),
        web.get("/console/reports", staff_look(reports)),
        web.post("/console/reports/{id}/resolve", staff_change(resolve)),
        web.get("/console/reservations/{id}", staff_look(reservation)),
        web.post("/console/reservations/{id}/{verb}", staff_change(act)),
        web.get("/console/readers", staff_look(readers)),
        web.get("/console/readers/{id}", staff_look(reader_page)),
        web.post("/console/readers/{id}/unbind", staff_change(unbind)),
        web.get("/console/appeals", staff_look(appeals)),
        web.post("/console/appeals/{id}", staff_change(settle)),
        web.post("/console/violations/waive", staff_change(waive_all)),
        web.post("/console/violations/{id}/waive", staff_change(waive)),
        web.get("/console/questions", staff_look(questions)),
        web.post("/console/questions/{id}", staff_change(reply)),
        web.get("/console/calendar", staff_look(opening)),
        web.post("/console/calendar", staff_change(change_opening, ADMINISTRATOR)),
        web.get("/console/misfits", staff_look(misfits)),
        web.post("/console/misfits", staff_change(call_off_misfits, ADMINISTRATOR)),
        web.get("/console/statistics", staff_look(usage)),
        web.get("/console/bookings.csv", staff_look(as_csv)),
        web.get("/console/bookings.xlsx", staff_look(as_xlsx)),
        web.get("/console/audit", staff_look(audit)),
    ]


def _console(visit: Visit, template: str, *, status: int = 200, **facts: Any) -> web.Response:
    return page(
        visit.request,
        f"console/{template}.html",
        status=status,
        reader=visit.reader,
        role=ROLE_TEXT[visit.reader.kind],
        decides=may(visit.reader.kind, LIBRARIAN),
        verbs=VERBS,
        **facts,
    )


def _staff(visit: Visit) -> deeds.Staff:
    return deeds.Staff(visit.services, visit.reader, visit.now)


def _number(visit: Visit) -> int:
    text = visit.request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100_000 else 1


def _pages(total: int) -> int:
    return max(1, -(-total // PAGE))


# --- today ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AreaToday:
    """A row of the first page. ``hours`` are seats held at each full hour."""

    id: str
    name: str
    seats: int
    used: int
    booked: int
    hours: list[int]


async def today(visit: Visit) -> web.StreamResponse:
    services, now = visit.services, visit.now
    desk, day = services.desk, local_date(now)
    rows: dict[AreaId, list[Brief]] = {area: [] for area in desk.library.areas}
    async for row in bookings_of(desk, day, not services.sandbox):
        rows.setdefault(row.area_id, []).append(row)
    instants = _hours(visit)
    areas = []
    for area in desk.library.areas.values():
        mine = rows[area.id]
        areas.append(
            AreaToday(
                id=area.id,
                name=f"{area.floor}层 {area.name}",
                seats=sum(seat.disabled is None for seat in area.seats),
                used=sum(row.state in (State.IN_USE, State.AWAY) for row in mine),
                booked=sum(row.state is State.RESERVED for row in mine),
                hours=fullness(mine, instants, now),
            )
        )
    return _console(
        visit,
        "today",
        totals=totals(row for mine in rows.values() for row in mine),
        areas=areas,
        instants=instants,
        past=sum(instant <= now for instant in instants),
        alarms=await _alarms(visit),
        waiting=await _waiting(visit),
    )


def _hours(visit: Visit) -> list[datetime]:
    """The full hours of the day between the first opening and the last closing."""
    desk, day = visit.services.desk, local_date(visit.now)
    places = [desk.policy.open_day(day, venue, None).hours for venue in desk.library.venues]
    spans = [span for span in places if span is not None]
    if not spans:
        return []
    first, last = min(span.start for span in spans), max(span.end for span in spans)
    midnight = at(day, time())
    hours = (midnight + timedelta(hours=n) for n in range(25))
    return [hour for hour in hours if first <= hour < last]


async def _alarms(visit: Visit) -> list[str]:
    """What somebody should look after, in words."""
    services, now = visit.services, visit.now
    _, troubles = await services.health()
    found = [TROUBLES.get(name, f"{name}：{what}") for name, what in troubles.items()]
    desk = services.desk
    for kiosk_id, seen in (await desk.catalogue.screens()).items():
        kiosk = desk.library.kiosks.get(KioskId(kiosk_id))
        if kiosk is not None and GRACE < now - seen < RETIRED:
            found.append(f"{kiosk.name} 自 {present.clock(seen)} 起没有响应")
    for gate in await desk.gates.all():
        if gate.seen_at is not None and now - gate.seen_at > _UNSEEN:
            found.append(f"{gate.name} 自 {local(gate.seen_at):%m-%d %H:%M} 起没有数据")
    return found


async def _waiting(visit: Visit) -> list[tuple[str, str, int]]:
    """What waits for a decision: address, words, how many."""
    services = visit.services
    _, seats = await services.desk.reservations.reported(visit.now, 0, 1)
    _, appealed = await services.desk.violations.appeals(0, 1)
    asked = len(await services.feedbacks.waiting(100))
    outside = await hours.misfits(services.desk, services.desk.policy, visit.now)
    found = [
        ("/console/reports", "座位被占", seats),
        ("/console/appeals", "申诉", appealed),
        ("/console/questions", "留言", asked),
        ("/console/misfits", "开放时间之外的预约", len(outside)),
    ]
    return [(path, words, count) for path, words, count in found if count]


# --- patrol ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeatNow:
    """A line of the patrol's list."""

    no: str
    state: str
    words: str
    reservation: str
    who: str
    when: str


async def patrol(visit: Visit) -> web.StreamResponse:
    desk, now = visit.services.desk, visit.now
    areas = list(desk.library.areas.values())
    if not areas:
        raise NotFound()
    area = desk.library.areas.get(AreaId(visit.request.query.get("area", ""))) or areas[0]
    board = (await desk.board.day(local_date(now))).by_seat
    current = {}
    for seat in area.seats:
        rows = [row for row in board.get(seat.id, ()) if now < row.end]
        if rows:
            current[seat.id] = rows[0]
    people = await desk.readers.many({row.reader_id for row in current.values()})
    lines = []
    for seat in sorted(area.seats, key=lambda seat: seat.no):
        row = current.get(seat.id)
        begun = row is not None and (row.start <= now or row.state is not State.RESERVED)
        if row is None or not begun:
            words = "禁用" if seat.disabled is not None else "无人"
            when = f"{present.clock(row.start)} 起有预约" if row is not None else ""
            state = "disabled" if seat.disabled is not None else "free"
            lines.append(SeatNow(seat.no, state, words, "", "", when))
            continue
        assert row is not None
        when = f"{present.clock(row.booked_start)}–{present.clock(row.end)}"
        who = _named(people.get(row.reader_id))
        words = "未签到" if row.state is State.RESERVED else STATE_TEXT[row.state]
        lines.append(SeatNow(seat.no, row.state.value, words, row.id, who, when))
    return _console(visit, "patrol", areas=areas, area=area, lines=lines)


def _named(reader: Reader | None) -> str:
    return f"{reader.name} {reader.student_no_masked}" if reader is not None else ""


async def reports(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, _number(visit)
    rows, total = await desk.reservations.reported(visit.now, (number - 1) * PAGE, PAGE)
    items = [
        (r, r.report, present.seat(desk, r.report.seat_id).label)
        for r in rows
        if r.report is not None
    ]
    return _console(visit, "reports", items=items, number=number, pages=_pages(total))


async def resolve(visit: Visit, _: Form) -> web.StreamResponse:
    await deeds.resolve(_staff(visit), visit.id)
    return redirect("/console/reports?done")


# --- one reservation ------------------------------------------------------------------------------


async def reservation(visit: Visit) -> web.StreamResponse:
    return await _reservation_page(visit, await _found(visit))


async def _found(visit: Visit) -> Reservation:
    r = await visit.services.desk.reservations.get(visit.id)
    if r is None:
        raise NotFound()
    return r


async def _reservation_page(
    visit: Visit, r: Reservation, *, status: int = 200, wrong: str = "", reason: str = ""
) -> web.Response:
    desk = visit.services.desk
    policy = await desk.policy_of(r)
    reader = await desk.readers.get(r.reader_id)
    verbs = [verb for verb in deeds.ON_BEHALF if _possible(verb, r, visit)]
    movable = "change" in rules.actions(r, policy, visit.now)
    return _console(
        visit,
        "reservation",
        status=status,
        r=await present.detail(desk, r, visit.now),
        who=_named(reader),
        reader_id=reader.id if reader is not None else "",
        possible=verbs,
        near=await reserve.nearest_of(desk, r, visit.now) if movable else [],
        done=visit.request.query.get("done", ""),
        wrong=wrong,
        reason=reason,
        longest=LONGEST_REASON,
    )


def _possible(verb: str, r: Reservation, visit: Visit) -> bool:
    """May it be done now? The use case decides again."""
    try:
        match verb:
            case "check_in" if r.state is State.AWAY:
                rules.may_return(r, visit.now)
            case "check_in":
                rules.may_check_in(r, visit.now)
            case "leave":
                return r.state is State.IN_USE and visit.now < r.end
            case "finish":
                rules.may_finish(r, visit.now)
            case _:
                rules.may_cancel(r, visit.now)
    except ServiceError:
        return False
    return True


async def act(visit: Visit, form: Form) -> web.StreamResponse:
    """What a librarian does in the reader's place. What is refused stands on the page again."""
    verb, r = visit.request.match_info["verb"], await _found(visit)
    if verb not in deeds.ON_BEHALF and verb != "move":
        raise NotFound()
    try:
        reason = reason_in(form)
        if verb == "move":
            await deeds.move(_staff(visit), r.id, text_in(form, "seat"), reason)
        else:
            await deeds.on_behalf(_staff(visit), verb, r.id, reason)
    except (Conflict, RuleViolation, Malformed) as error:
        said = "请写明原因（1–200 字）" if isinstance(error, Malformed) else _said(visit, error)
        return await _reservation_page(
            visit,
            await _found(visit),
            status=status_of(type(error)),
            wrong=said,
            reason=text_in(form, "reason"),
        )
    return redirect(f"/console/reservations/{r.id}?done={verb}")


def _said(visit: Visit, error: ServiceError) -> str:
    counted(visit.request, error)
    return text_of(error.code, error.details)


# --- readers --------------------------------------------------------------------------------------


async def readers(visit: Visit) -> web.StreamResponse:
    number = normalise_student_no(visit.request.query.get("no", ""))
    if not number:
        return _console(visit, "readers", no="", missing=False)
    found = await visit.services.desk.readers.by_numbers([number])
    if number in found:
        return redirect(f"/console/readers/{found[number]}")
    return _console(visit, "readers", no=number, missing=True, status=404)


async def reader_page(visit: Visit) -> web.StreamResponse:
    services, desk = visit.services, visit.services.desk
    who = await _reader(visit)
    number = _number(visit)
    rows, total = await desk.reservations.page_of(who.id, (), (number - 1) * PAGE, PAGE)
    violations, _ = await desk.violations.page_of(who.id, 0, PAGE)
    suspended = who.suspended_until
    return _console(
        visit,
        "reader",
        who=who,
        live=[await present.reservation(desk, r, visit.now) for r in rows if r.state in LIVE],
        items=[await present.reservation(desk, r, visit.now) for r in rows if r.state not in LIVE],
        violations=[await present.violation(desk, v, visit.now) for v in violations],
        standing=await penalties.standing(desk, who.id, visit.now),
        suspended=suspended if suspended is not None and suspended > visit.now else None,
        bound=await services.bindings.is_bound(who.id),
        done=visit.request.query.get("done", ""),
        number=number,
        pages=_pages(total),
        longest=LONGEST_REASON,
    )


async def _reader(visit: Visit) -> Reader:
    found = await visit.services.desk.readers.get(ReaderId(visit.id))
    if found is None:
        raise NotFound()
    return found


async def unbind(visit: Visit, form: Form) -> web.StreamResponse:
    who = await _reader(visit)
    await deeds.unbind(_staff(visit), who, reason_in(form))
    return redirect(f"/console/readers/{who.id}?done=unbind")


# --- violations -----------------------------------------------------------------------------------


async def appeals(visit: Visit) -> web.StreamResponse:
    desk, number = visit.services.desk, _number(visit)
    rows, total = await desk.violations.appeals((number - 1) * PAGE, PAGE)
    people = await desk.readers.many({v.reader_id for v in rows})
    items = [
        (await present.violation(desk, v, visit.now), _named(people.get(v.reader_id)), v.reader_id)
        for v in rows
    ]
    return _console(
        visit,
        "appeals",
        items=items,
        number=number,
        pages=_pages(total),
        done=visit.request.query.get("done", ""),
        longest=LONGEST_REASON,
    )


async def settle(visit: Visit, form: Form) -> web.StreamResponse:
    granted = text_in(form, "granted")
    if granted not in ("yes", "no"):
        raise Malformed("granted", "yes or no")
    answer, wrong = written(form)
    if wrong:
        raise Malformed("text", wrong)
    await deeds.settle(_staff(visit), visit.id, granted == "yes", answer)
    return redirect("/console/appeals?done=settle_appeal")


async def waive(visit: Visit, form: Form) -> web.StreamResponse:
    v = await deeds.waive(_staff(visit), visit.id, reason_in(form))
    return redirect(f"/console/readers/{v.reader_id}?done=waive")


async def waive_all(visit: Visit, form: Form) -> web.StreamResponse:
    start, end = _instant(form, "from"), _instant(form, "to")
    if end <= start:
        raise Malformed("to", "to is after from")
    waived = await deeds.waive_all(_staff(visit), start, end, reason_in(form))
    return redirect(f"/console/appeals?done=waive_all-{waived}")


def _instant(form: Form, name: str) -> datetime:
    """A browser's date and time, on the library's clock. Raises: Malformed."""
    try:
        typed = datetime.strptime(text_in(form, name), "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError as error:
        raise Malformed(name, "a date and a time") from error
    if not 2000 <= typed.year < 2100:
        raise Malformed(name, "a date in our time")
    return at(typed.date(), typed.time())


# --- questions ------------------------------------------------------------------------------------


async def questions(visit: Visit) -> web.StreamResponse:
    items = await visit.services.feedbacks.waiting(50)
    people = await visit.services.desk.readers.many({f.reader_id for f in items if f.reader_id})
    return _console(
        visit,
        "questions",
        items=[(f, _named(people.get(f.reader_id)) if f.reader_id else "") for f in items],
        done="done" in visit.request.query,
    )


async def reply(visit: Visit, form: Form) -> web.StreamResponse:
    text, wrong = written(form)
    if wrong:
        raise Malformed("text", wrong)
    await deeds.answer(_staff(visit), visit.id, text)
    return redirect("/console/questions?done")


# --- calendar -------------------------------------------------------------------------------------


async def opening(visit: Visit) -> web.StreamResponse:
    await visit.services.desk.refresh()  # another worker may have been told something new
    return _console(visit, "calendar", **calendar.facts(visit))


async def change_opening(visit: Visit, form: Form) -> web.StreamResponse:
    found = await calendar.changed(visit, form)
    if isinstance(found, web.StreamResponse):
        return found
    facts, status = found
    return _console(visit, "calendar", status=status, **facts)


async def misfits(visit: Visit) -> web.StreamResponse:
    """Bookings outside of the opening hours: kept, or made in the seconds before all knew."""
    desk = visit.services.desk
    await desk.refresh()
    rows = await hours.misfits(desk, desk.policy, visit.now)
    people = await desk.readers.many({row.reader_id for row in rows[:SHOWN]})
    items = [
        (row, desk.library.seat_label(desk.library.seats[row.seat_id]), _named(people.get(id)))
        for row in rows[:SHOWN]
        for id in (row.reader_id,)
    ]
    return _console(
        visit,
        "misfits",
        items=items,
        total=len(rows),
        changes=may(visit.reader.kind, ADMINISTRATOR),
        states=_STATES,
        done="done" in visit.request.query,
        longest=LONGEST_REASON,
    )


async def call_off_misfits(visit: Visit, form: Form) -> web.StreamResponse:
    await visit.services.desk.refresh()
    await deeds.call_off_misfits(_staff(visit), reason_in(form))
    return redirect("/console/misfits?done")


# --- statistics -----------------------------------------------------------------------------------


async def usage(visit: Visit) -> web.StreamResponse:
    return _console(visit, "statistics", **await figures(visit, interval(visit)))


# --- the audit log --------------------------------------------------------------------------------


async def audit(visit: Visit) -> web.StreamResponse:
    query, number = visit.request.query, _number(visit)
    sought = Sought(query.get("by", ""), query.get("deed", ""), query.get("reader", ""))
    rows, total = await visit.services.audit.page_of(sought, (number - 1) * PAGE, PAGE)
    people = await visit.services.desk.readers.many({e.by for e in rows})
    return _console(
        visit,
        "audit",
        items=[(e, _named(people.get(e.by)), _difference(e.before, e.after)) for e in rows],
        sought=sought,
        roles=ROLE_TEXT,
        number=number,
        pages=_pages(total),
    )


def _difference(before: Facts, after: Facts | None) -> list[tuple[str, str, str]]:
    """What has changed, in words: name, before, after."""
    if after is None:
        return []
    names = dict.fromkeys((*before, *after))
    return [
        (FACTS.get(name, name), _fact(before.get(name)), _fact(after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _fact(value: object) -> str:
    match value:
        case None:
            return "—"
        case bool():
            return "是" if value else "否"
        case _:
            return _STATES.get(str(value), str(value))
