"""What people who work for the library change, each with its entry in the audit log.

The JSON API and the console do the same through here. An entry is written before anything changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from bind.kiosk_codes import new_key, new_secret
from handlers.services import Services
from models.affected_bookings import impact
from models.affected_bookings import service as affected_bookings_service
from models.affected_bookings.service import Resolution
from models.booking.desk import Desk
from models.check_in import service as check_in_service
from models.gates.entities import Gate
from models.identity.activation_code_repository import LiveCode
from models.kernel.errors import Conflict, NotFound, RuleViolation
from models.kernel.ids import Actor, ReaderId
from models.kernel.time_range import local_date, to_local
from models.kiosks.errors import DeviceExists
from models.library.entities import Area, Kiosk
from models.library.errors import PlanChanged
from models.library.plan_json import plan_to_json
from models.messages.entities import RELEVANT_STATES, Message
from models.notices.entities import Notice
from models.notices.errors import NoticeChanged
from models.policy import service as policy_service
from models.policy.entities import Policy
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.readers.context import RequestContext
from models.readers.entities import Reader, Visit
from models.readers.errors import CardTaken
from models.reservations import service as reservations_service
from models.reservations.entities import Reservation
from models.kernel.errors import InvalidState
from models.reservations.occupancy import OccupancyRow
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import ReservationState
from models.seat_reports import service as seat_reports_service
from models.staff.audit import AuditEntry, JsonObject
from models.staff.audit_repository import DONE
from models.storage.mongo import new_id
from models.violations import service as violations_service
from models.violations.entities import Violation, Waiver
from notify import in_app
from notify.templates.rendering import span

T = TypeVar("T")

OnBehalf = Callable[[Desk, RequestContext, str], Awaitable[Reservation]]


@dataclass(frozen=True, slots=True)
class StaffContext:
    """Who does it, when, with the service's parts."""

    services: Services
    reader: Reader
    now: datetime

    async def recorded(
        self,
        deed: str,
        target: str,
        reader: ReaderId | None,
        reason: str,
        before: JsonObject,
        work: Callable[[], Awaitable[T]],
        after: Callable[[T], JsonObject],
    ) -> T:
        """Do ``work`` between the two halves of its entry; ``reader`` is whom it concerns.

        Raises: what ``work`` raises. Where it is not certain that nothing has changed, the entry
        stays without an outcome.
        """
        audit, who = self.services.audit, self.reader
        entry = await audit.begin(
            AuditEntry(
                "", self.now, who.id, who.category, deed, target, reader, reason, before, None, ""
            )
        )
        try:
            done = await work()
        except (Conflict, RuleViolation, NotFound) as error:
            await audit.end(entry, error.code, None)
            raise
        await audit.end(entry, DONE, after(done))
        return done


# --- reservations ---------------------------------------------------------------------------------


STAFF_ACTIONS: Final[Mapping[str, OnBehalf]] = {
    "check_in": check_in_service.check_in_by_staff,
    "leave": check_in_service.leave,
    "finish": check_in_service.finish,
    "cancel": reservations_service.cancel,
}
"""What a librarian does in a reader's place. Being seen there is the check-in, and the return."""


async def act_for_reader(staff: StaffContext, verb: str, id: str, reason: str) -> Reservation:
    """Raises: NotFound, and what the verb raises."""
    r = await _reservation(staff, id)
    work = STAFF_ACTIONS.get(verb)
    if work is None:
        raise NotFound()
    ask, desk = await _reader_context(staff, r), staff.services.desk
    return await _audit_reservation(staff, r, verb, reason, lambda: work(desk, ask, id))


async def move(staff: StaffContext, id: str, seat_id: str, reason: str) -> Reservation:
    """To another seat for the same time. Raises: NotFound, and as ``reserve.change``."""
    r = await _reservation(staff, id)
    ask, desk = await _reader_context(staff, r), staff.services.desk
    return await _audit_reservation(
        staff,
        r,
        "move",
        reason,
        lambda: reservations_service.change(desk, ask, id, seat_id, None, None),
    )


async def resolve(staff: StaffContext, id: str) -> Reservation:
    """The desk has freed a seat that somebody else had taken. Raises: NotFound, InvalidState."""
    r = await _reservation(staff, id)
    desk, actor = staff.services.desk, Actor("librarian", staff.reader.id)
    return await _audit_reservation(
        staff,
        r,
        "resolve",
        "",
        lambda: seat_reports_service.resolve_report(desk, id, actor, staff.now),
    )


async def _audit_reservation(
    staff: StaffContext,
    r: Reservation,
    deed: str,
    reason: str,
    work: Callable[[], Awaitable[Reservation]],
) -> Reservation:
    target = f"reservation:{r.id}"
    return await staff.recorded(
        deed, target, r.reader_id, reason, audit_snapshot(r), work, audit_snapshot
    )


async def _reservation(staff: StaffContext, id: str) -> Reservation:
    r = await staff.services.desk.reservations.get(id)
    if r is None:
        raise NotFound()
    return r


async def _reader_context(staff: StaffContext, r: Reservation) -> RequestContext:
    reader = await staff.services.desk.readers.get(r.reader_id)
    if reader is None:
        raise NotFound()
    return RequestContext(reader, Actor("librarian", staff.reader.id), staff.now)


def audit_snapshot(r: Reservation) -> JsonObject:
    return {
        "state": r.state.value,
        "seat": r.seat_id,
        "start": to_local(r.start).isoformat(),
        "end": to_local(r.end).isoformat(),
    }


# --- violations -----------------------------------------------------------------------------------


async def decide_appeal(staff: StaffContext, id: str, granted: bool, answer: str) -> Violation:
    """Answer an appeal; the reader is told. Raises: NotFound, InvalidState."""
    services = staff.services

    async def work() -> Violation:
        settled = await violations_service.decide_appeal(
            services.desk, id, granted, answer, staff.reader.id, staff.now
        )
        await in_app.notify_appeal_decided(services.messages, settled, staff.now)
        return settled

    return await _audit_violation(staff, id, "settle_appeal", answer, work)


async def waive(staff: StaffContext, id: str, reason: str) -> Violation:
    """Let a violation go; the reader is told. Raises: NotFound."""
    services = staff.services

    async def work() -> Violation:
        waiver = Waiver(staff.reader.id, reason, staff.now)
        waived = await violations_service.waive(services.desk, id, waiver)
        await in_app.notify_waived(services.messages, waived, staff.now)
        return waived

    return await _audit_violation(staff, id, "waive", reason, work)


async def waive_all(staff: StaffContext, start: datetime, end: datetime, reason: str) -> int:
    """Let all violations of [start, end) go. How many."""
    services = staff.services

    async def tell(violation: Violation) -> None:
        await in_app.notify_waived(services.messages, violation, staff.now)

    waiver = Waiver(staff.reader.id, reason, staff.now)
    span = {"from": to_local(start).isoformat(), "to": to_local(end).isoformat()}
    return await staff.recorded(
        "waive_all",
        "violations",
        None,
        reason,
        span,
        lambda: violations_service.waive_all(services.desk, start, end, waiver, tell),
        lambda waived: {"waived": waived},
    )


async def _audit_violation(
    staff: StaffContext, id: str, deed: str, reason: str, work: Callable[[], Awaitable[Violation]]
) -> Violation:
    """Raises: NotFound, and what ``work`` raises."""
    v = await staff.services.desk.violations.get(id)
    if v is None:
        raise NotFound()
    before, target = _violation_facts(v), f"violation:{id}"
    return await staff.recorded(deed, target, v.reader_id, reason, before, work, _violation_facts)


def _violation_facts(v: Violation) -> JsonObject:
    appealed = v.appeal is not None and v.appeal.settled_at is None
    return {"kind": v.kind, "waived": v.waived, "appeal_waits": appealed}


# --- readers --------------------------------------------------------------------------------------


async def unbind(staff: StaffContext, reader: Reader, reason: str) -> None:
    """The reader's WeChat account is theirs no more: a lost phone. Raises: NotFound."""
    services = staff.services
    if not await services.bindings.is_bound(reader.id):
        raise NotFound()
    await staff.recorded(
        "unbind",
        f"reader:{reader.id}",
        reader.id,
        reason,
        {"bound": True},
        lambda: services.bindings.unbind(reader.id),
        lambda _: {"bound": False},
    )


async def book(
    staff: StaffContext, reader: Reader, seat_id: str, wish: TimeSelection, reason: str
) -> Reservation:
    """A seat in the reader's place. Raises: as ``reserve.reserve``."""
    desk, actor = staff.services.desk, Actor("librarian", staff.reader.id)
    ask = RequestContext(reader, actor, staff.now)
    return await staff.recorded(
        "book",
        f"reader:{reader.id}",
        reader.id,
        reason,
        {},
        lambda: reservations_service.create(desk, ask, seat_id, wish),
        lambda r: {"reservation": r.receipt, **audit_snapshot(r)},
    )


async def suspend(
    staff: StaffContext, reader: Reader, was: datetime | None, until: datetime | None, reason: str
) -> None:
    """The reader may not book until then; None: may again. They are told. Raises: InvalidState, where
    ``was`` is not what stands any more."""
    desk = staff.services.desk

    async def work() -> None:
        await violations_service.set_suspension(desk, reader.id, was, until, staff.now)
        await in_app.notify_suspension_changed(
            staff.services.messages, reader.id, until, reason, staff.now
        )

    await staff.recorded(
        "suspend" if until is not None else "release",
        f"reader:{reader.id}",
        reader.id,
        reason,
        {"suspended_until": _instant(reader.suspended_until)},
        work,
        lambda _: {"suspended_until": _instant(until)},
    )


def _instant(when: datetime | None) -> str | None:
    return to_local(when).isoformat() if when is not None else None


async def set_accommodation(
    staff: StaffContext, reader: Reader, was: Accommodation, granted: Accommodation, reason: str
) -> None:
    """Grant it to the reader, or take it back. The log says that, and not what it is. Raises:
    InvalidState, where ``was`` is not what stands any more."""
    desk, day = staff.services.desk, local_date(staff.now)

    async def work() -> None:
        if not await desk.allowances.replace(reader.id, was, granted):
            raise InvalidState(state="allowance")
        await desk.refresh()

    await staff.recorded(
        "allow",
        f"reader:{reader.id}",
        reader.id,
        reason,
        {"granted": desk.active_accommodation(reader.id, day) is not NO_ACCOMMODATION},
        work,
        lambda _: {"granted": granted != NO_ACCOMMODATION},
    )


async def add_visitor(
    staff: StaffContext, name: str, stay: Visit, card: str, reason: str
) -> ReaderId:
    """Enter somebody whom the campus does not know. Raises: CardTaken, where the card that is given
    is somebody's; nobody has been entered then."""
    desk, id = staff.services.desk, ReaderId(new_id())

    async def work() -> None:
        await desk.readers.admit_visitor(id, name, stay, staff.now)
        if card and not await desk.cards.give(card, id):
            await desk.readers.delete_visitor(id)
            raise CardTaken()

    after = {**_days(stay), "card": bool(card)}
    await staff.recorded("visitor", f"reader:{id}", id, reason, {}, work, lambda _: after)
    return id


def _days(stay: Visit) -> dict[str, object]:
    return {"first": stay.first.isoformat(), "last": stay.last.isoformat()}


async def change_visit(staff: StaffContext, reader: Reader, stay: Visit, reason: str) -> None:
    """Other days for a visitor. Bookings outside of them are cancelled, and the visitor is told.
    Raises: NotFound; InvalidState where somebody was faster."""
    desk, was = staff.services.desk, reader.stay
    if was is None:
        raise NotFound()

    async def work() -> JsonObject:
        if not await desk.readers.set_visit(reader.id, was, stay):
            raise InvalidState(state="stay")
        await desk.reader_changed(reader.id)
        cancelled = 0
        ask = RequestContext(reader, Actor("librarian", staff.reader.id), staff.now)
        for wait in await desk.waits.open_of(reader.id):
            if not stay.first <= wait.day <= stay.last:
                await desk.line.leave(ask, wait.id)
        for r in await desk.reservations.live_of(reader.id, staff.now - timedelta(days=1)):
            if r.state is ReservationState.RESERVED and not stay.first <= r.date <= stay.last:
                with suppress(InvalidState):
                    await reservations_service.cancel(desk, ask, r.id)
                    cancelled += 1
        return {**_days(stay), "cancelled": cancelled}

    await staff.recorded(
        "stay", f"reader:{reader.id}", reader.id, reason, _days(was), work, lambda done: done
    )


async def reveal_activation_code(staff: StaffContext, reader: Reader) -> LiveCode:
    """The code that lets a visitor's WeChat in, who has no page of their own. Raises: NotFound,
    where the stay is over, or it is no visitor."""
    if reader.stay is None or reader.stay.last < local_date(staff.now):
        raise NotFound()
    bindings, target = staff.services.bindings, f"reader:{reader.id}"
    return await staff.recorded(
        "code",
        target,
        reader.id,
        "",
        {},
        lambda: bindings.get_or_create_code(reader.id, False, staff.now),
        lambda _: {},
    )


async def answer_binding(
    staff: StaffContext, reader: Reader, request_id: str, theirs: bool
) -> None:
    """A visitor's answer to who waits with their code, given at the service desk. Raises: NotFound,
    where it is no visitor; as ``AccountBindingService.confirm``."""
    if reader.stay is None:
        raise NotFound()
    bindings = staff.services.bindings
    answer = bindings.confirm if theirs else bindings.refuse
    await staff.recorded(
        "bind" if theirs else "refuse_binding",
        f"reader:{reader.id}",
        reader.id,
        "",
        {},
        lambda: answer(reader.id, request_id, staff.now),
        lambda _: {"bound": theirs},
    )


async def answer(staff: StaffContext, id: str, text: str) -> None:
    """Answer what a reader wrote; they find it in the app. Once. Raises: NotFound, InvalidState."""
    services = staff.services
    asked = await services.feedbacks.get(id)
    if asked is None:
        raise NotFound()
    await staff.recorded(
        "answer",
        f"question:{id}",
        asked.reader_id,
        text,
        {},
        lambda: in_app.reply_to_feedback(
            services.feedbacks, services.messages, id, text, staff.now
        ),
        lambda _: {"answered": True},
    )


# --- rules and plans ------------------------------------------------------------------------------


async def change_rules(
    staff: StaffContext, new: Policy, said: str, reason: str, fate: Resolution
) -> None:
    """Publish the next version of the rules; ``fate`` is that of bookings that no longer fit.

    Raises: RulesChanged, where somebody else was first; nothing has changed then.
    """
    desk = staff.services.desk

    async def work() -> JsonObject:
        rows = await impact.find_affected(desk, new, desk.library, staff.now)
        await policy_service.publish(desk, new, staff.now)
        done = await _called_off(staff, rows, fate, sizes=True)
        return {"version": new.version, "change": said} | done

    before = {"version": new.version - 1}
    await staff.recorded("rules", "rules", None, reason, before, work, lambda facts: facts)


async def change_plan(
    staff: StaffContext, old: Area, new: Area, said: str, reason: str, fate: Resolution
) -> None:
    """Put ``new`` in the place of ``old``; ``fate`` is that of bookings that lose their seat.

    Raises: PlanChanged, where somebody else was first; nothing has changed then.
    """
    desk = staff.services.desk

    async def work() -> JsonObject:
        rows = await impact.find_affected(desk, desk.policy, desk.library.with_area(new), staff.now)
        if not await desk.catalogue.replace_area(new):
            raise PlanChanged()
        await desk.refresh()
        done = await _called_off(staff, rows, fate)
        await _notify_renumbered(staff, old, new)
        return {"rev": new.rev, "change": said} | done

    before = {"rev": old.rev, "plan": plan_to_json(old)}
    await staff.recorded("plan", f"area:{old.id}", None, reason, before, work, lambda facts: facts)


async def _notify_renumbered(staff: StaffContext, old: Area, new: Area) -> None:
    """Whose seat is called otherwise from now on."""
    desk, messages = staff.services.desk, staff.services.messages
    now_called = {seat.id: seat.number for seat in new.seats}
    others = {s.id: s.number for s in old.seats if now_called.get(s.id, s.number) != s.number}
    if not others:
        return
    for row in await impact.upcoming(desk, staff.now):
        if row.seat_id in others:
            label = desk.library.seat_label(desk.library.seats[row.seat_id])
            was, times = f"{others[row.seat_id]}号", span(row.booked_start, row.end)
            await in_app.notify_seat_renumbered(
                messages, row.reader_id, was, label, times, staff.now
            )


async def add_area(staff: StaffContext, area: Area, reason: str) -> None:
    """A new area, without seats. Raises: PlanChanged, where there is one of that id."""
    desk = staff.services.desk

    async def work() -> JsonObject:
        if not await desk.catalogue.add_area(area):
            raise PlanChanged()
        await desk.refresh()
        return {"area": area.name, "floor": area.floor}

    await staff.recorded("area", f"area:{area.id}", None, reason, {}, work, lambda facts: facts)


async def resolve_affected_bookings(staff: StaffContext, fate: Resolution, reason: str) -> None:
    """Let ``fate`` happen to what does not fit; again where it could not be."""
    desk = staff.services.desk

    async def work() -> JsonObject:
        return await _called_off(staff, await impact.find_unplaceable(desk, staff.now), fate)

    await staff.recorded("misfits", "rules", None, reason, {}, work, lambda facts: facts)


async def _called_off(
    staff: StaffContext, rows: list[OccupancyRow], fate: Resolution, sizes: bool = False
) -> dict[str, object]:
    actor = Actor("librarian", staff.reader.id)
    done = await affected_bookings_service.resolve(
        staff.services.desk, rows, fate, actor, staff.now, sizes
    )
    if fate is Resolution.KEEP:
        return {}
    counts = {"cancelled": done.cancelled, "offered": done.offered, "left": done.left}
    return {name: n for name, n in counts.items() if n or name == "cancelled"}


_AT_ONCE: Final = 5000
"""Messages that are sent again by one press."""


# --- notices, devices, deliveries -----------------------------------------------------------------


async def write_notice(staff: StaffContext, old: Notice | None, new: Notice, reason: str) -> None:
    """Publish it, or put it in the place of ``old``. Raises: NoticeChanged, where somebody else was
    first; nothing has changed then."""
    notices = staff.services.desk.notices

    async def work() -> None:
        if old is None:
            await notices.add(new)
        elif not await notices.replace(new):
            raise NoticeChanged()

    before = notice_facts(old) if old is not None else {}
    target = f"notice:{new.id}"
    await staff.recorded("notice", target, None, reason, before, work, lambda _: notice_facts(new))


async def withdraw_notice(staff: StaffContext, old: Notice, reason: str) -> None:
    """Not shown from now on. Raises: NoticeChanged."""
    published = min(old.published_at, staff.now)
    new = replace(old, published_at=published, until=staff.now, rev=old.rev + 1)
    await write_notice(staff, old, new, reason)


def notice_facts(n: Notice) -> JsonObject:
    return {
        "title": n.title,
        "body": n.body,
        "published_at": _instant(n.published_at),
        "until": _instant(n.until),
        "pinned": n.pinned,
    }


async def add_device(staff: StaffContext, device: Kiosk | Gate, reason: str) -> str:
    """A new kiosk or gate; its key, which is kept nowhere as it is. Raises: DeviceExists."""
    desk = staff.services.desk

    async def work() -> str:
        if isinstance(device, Kiosk):
            added = await desk.catalogue.add_kiosk(device)
        else:
            added = await desk.gates.add(device)
        if not added:
            raise DeviceExists()
        key = await _new_key(desk, device)
        await desk.refresh()
        return key

    named = {"name": device.name}
    target = _device(device)
    return await staff.recorded("device", target, None, reason, {}, work, lambda _: named)


async def rotate_key(staff: StaffContext, device: Kiosk | Gate, reason: str) -> str:
    """Another key; the old one is worth nothing any more."""
    desk = staff.services.desk
    return await staff.recorded(
        "rotate", _device(device), None, reason, {}, lambda: _new_key(desk, device), lambda _: {}
    )


def _device(device: Kiosk | Gate) -> str:
    return f"{'kiosk' if isinstance(device, Kiosk) else 'gate'}:{device.id}"


async def _new_key(desk: Desk, device: Kiosk | Gate) -> str:
    key = new_key()
    if isinstance(device, Kiosk):
        await desk.catalogue.issue_kiosk_key(device.id, key, new_secret())
    else:
        await desk.gates.issue_key(device.id, key)
    return key


def _is_still_relevant(desk: Desk, m: Message, r: Reservation | None) -> bool:
    """Does the message say what is so, of the seat and the time that it is about?"""
    if r is None or r.state not in RELEVANT_STATES[m.template]:
        return False
    seat = desk.library.all_seats.get(r.seat_id)
    stands = {"start": r.start, "end": r.end}
    if seat is not None:
        stands["seat"] = desk.library.seat_label(seat)  # type: ignore[assignment]
    return all(m.facts.get(name, value) == value for name, value in stands.items())


async def retry_deliveries(staff: StaffContext, since: datetime, reason: str) -> int:
    """Send failed messages once more, as far as they are still true. How many."""
    services = staff.services

    async def work() -> int:
        failed = await services.messages.retryable_failures(since, staff.now, _AT_ONCE)
        ids = {m.reservation_id for m in failed if m.reservation_id is not None}
        about = await services.desk.reservations.many(ids)
        forgiven = await services.desk.violations.reservations_waived_since(since)
        true = [
            m.id
            for m in failed
            if m.reservation_id is not None
            and m.reservation_id not in forgiven
            and _is_still_relevant(services.desk, m, about.get(m.reservation_id))
        ]
        return await services.messages.requeue(true, staff.now)

    return await staff.recorded(
        "retry",
        "deliveries",
        None,
        reason,
        {},
        work,
        lambda queued: {"queued": queued},
    )
