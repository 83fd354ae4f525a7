"""What people who work for the library change, each with its entry in the audit log.

The JSON API and the console do the same through here. An entry is written before anything changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from handlers.services import Services
from models.audit import Entry, Facts
from models.board import Row
from models.booking import attend, calendar, misfits, penalties, reserve
from models.booking.desk import Ask, Desk
from models.booking.misfits import Fate
from models.errors import Conflict, NotFound, PlanChanged, RuleViolation
from models.library import Area
from models.policy import Policy
from models.reader import Reader
from models.replan import written
from models.reservation import Actor, ReaderId, Reservation
from models.store.audit import DONE
from models.timerange import local
from models.violation import Violation, Waiver
from notify import answers

T = TypeVar("T")

OnBehalf = Callable[[Desk, Ask, str], Awaitable[Reservation]]


@dataclass(frozen=True, slots=True)
class Staff:
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
        before: Facts,
        work: Callable[[], Awaitable[T]],
        after: Callable[[T], Facts],
    ) -> T:
        """Do ``work`` between the two halves of its entry; ``reader`` is whom it concerns.

        Raises: what ``work`` raises. Where it is not certain that nothing has changed, the entry
        stays without an outcome.
        """
        audit, who = self.services.audit, self.reader
        entry = await audit.begin(
            Entry("", self.now, who.id, who.kind, deed, target, reader, reason, before, None, "")
        )
        try:
            done = await work()
        except (Conflict, RuleViolation, NotFound) as error:
            await audit.end(entry, error.code, None)
            raise
        await audit.end(entry, DONE, after(done))
        return done


# --- reservations ---------------------------------------------------------------------------------


ON_BEHALF: Final[Mapping[str, OnBehalf]] = {
    "check_in": attend.seen_there,
    "leave": attend.leave,
    "finish": attend.finish,
    "cancel": reserve.cancel,
}
"""What a librarian does in a reader's place. Being seen there is the check-in, and the return."""


async def on_behalf(staff: Staff, verb: str, id: str, reason: str) -> Reservation:
    """Raises: NotFound, and what the verb raises."""
    r = await _reservation(staff, id)
    work = ON_BEHALF.get(verb)
    if work is None:
        raise NotFound()
    ask, desk = await _in_place_of(staff, r), staff.services.desk
    return await _upon(staff, r, verb, reason, lambda: work(desk, ask, id))


async def move(staff: Staff, id: str, seat_id: str, reason: str) -> Reservation:
    """To another seat for the same time. Raises: NotFound, and as ``reserve.change``."""
    r = await _reservation(staff, id)
    ask, desk = await _in_place_of(staff, r), staff.services.desk
    return await _upon(
        staff, r, "move", reason, lambda: reserve.change(desk, ask, id, seat_id, None, None)
    )


async def resolve(staff: Staff, id: str) -> Reservation:
    """The desk has freed a seat that somebody else had taken. Raises: NotFound, WrongState."""
    r = await _reservation(staff, id)
    desk, actor = staff.services.desk, Actor("librarian", staff.reader.id)
    return await _upon(staff, r, "resolve", "", lambda: attend.resolve(desk, id, actor, staff.now))


async def _upon(
    staff: Staff,
    r: Reservation,
    deed: str,
    reason: str,
    work: Callable[[], Awaitable[Reservation]],
) -> Reservation:
    target = f"reservation:{r.id}"
    return await staff.recorded(deed, target, r.reader_id, reason, facts(r), work, facts)


async def _reservation(staff: Staff, id: str) -> Reservation:
    r = await staff.services.desk.reservations.get(id)
    if r is None:
        raise NotFound()
    return r


async def _in_place_of(staff: Staff, r: Reservation) -> Ask:
    reader = await staff.services.desk.readers.get(r.reader_id)
    if reader is None:
        raise NotFound()
    return Ask(reader, Actor("librarian", staff.reader.id), staff.now)


def facts(r: Reservation) -> Facts:
    return {
        "state": r.state.value,
        "seat": r.seat_id,
        "start": local(r.start).isoformat(),
        "end": local(r.end).isoformat(),
    }


# --- violations -----------------------------------------------------------------------------------


async def settle(staff: Staff, id: str, granted: bool, answer: str) -> Violation:
    """Answer an appeal; the reader is told. Raises: NotFound, WrongState."""
    services = staff.services

    async def work() -> Violation:
        settled = await penalties.settle_appeal(
            services.desk, id, granted, answer, staff.reader.id, staff.now
        )
        await answers.appeal_settled(services.messages, settled, staff.now)
        return settled

    return await _about(staff, id, "settle_appeal", answer, work)


async def waive(staff: Staff, id: str, reason: str) -> Violation:
    """Let a violation go; the reader is told. Raises: NotFound."""
    services = staff.services

    async def work() -> Violation:
        waiver = Waiver(staff.reader.id, reason, staff.now)
        waived = await penalties.waive(services.desk, id, waiver)
        await answers.waived(services.messages, waived, staff.now)
        return waived

    return await _about(staff, id, "waive", reason, work)


async def waive_all(staff: Staff, start: datetime, end: datetime, reason: str) -> int:
    """Let all violations of [start, end) go. How many."""
    services = staff.services

    async def tell(violation: Violation) -> None:
        await answers.waived(services.messages, violation, staff.now)

    waiver = Waiver(staff.reader.id, reason, staff.now)
    span = {"from": local(start).isoformat(), "to": local(end).isoformat()}
    return await staff.recorded(
        "waive_all",
        "violations",
        None,
        reason,
        span,
        lambda: penalties.waive_all(services.desk, start, end, waiver, tell),
        lambda waived: {"waived": waived},
    )


async def _about(
    staff: Staff, id: str, deed: str, reason: str, work: Callable[[], Awaitable[Violation]]
) -> Violation:
    """Raises: NotFound, and what ``work`` raises."""
    v = await staff.services.desk.violations.get(id)
    if v is None:
        raise NotFound()
    before, target = _violation_facts(v), f"violation:{id}"
    return await staff.recorded(deed, target, v.reader_id, reason, before, work, _violation_facts)


def _violation_facts(v: Violation) -> Facts:
    appealed = v.appeal is not None and v.appeal.settled_at is None
    return {"kind": v.kind, "waived": v.waived, "appeal_waits": appealed}


# --- readers --------------------------------------------------------------------------------------


async def unbind(staff: Staff, reader: Reader, reason: str) -> None:
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


async def answer(staff: Staff, id: str, text: str) -> None:
    """Answer what a reader wrote; they find it in the app. Once. Raises: NotFound, WrongState."""
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
        lambda: answers.answer(services.feedbacks, services.messages, id, text, staff.now),
        lambda _: {"answered": True},
    )


# --- rules and plans ------------------------------------------------------------------------------


async def change_rules(staff: Staff, new: Policy, said: str, reason: str, fate: Fate) -> None:
    """Publish the next version of the rules; ``fate`` is that of bookings that no longer fit.

    Raises: RulesChanged, where somebody else was first; nothing has changed then.
    """
    desk = staff.services.desk

    async def work() -> Facts:
        rows = await misfits.affected(desk, new, desk.library, staff.now)
        await calendar.publish(desk, new, staff.now)
        return {"version": new.version, "change": said} | await _called_off(staff, rows, fate)

    before = {"version": new.version - 1}
    await staff.recorded("rules", "rules", None, reason, before, work, lambda facts: facts)


async def change_plan(
    staff: Staff, old: Area, new: Area, said: str, reason: str, fate: Fate
) -> None:
    """Put ``new`` in the place of ``old``; ``fate`` is that of bookings that lose their seat.

    Raises: PlanChanged, where somebody else was first; nothing has changed then.
    """
    desk = staff.services.desk

    async def work() -> Facts:
        rows = await misfits.affected(desk, desk.policy, desk.library.with_area(new), staff.now)
        if not await desk.catalogue.replace_area(new):
            raise PlanChanged()
        await desk.refresh()
        return {"rev": new.rev, "change": said} | await _called_off(staff, rows, fate)

    before = {"rev": old.rev, "plan": written(old)}
    await staff.recorded("plan", f"area:{old.id}", None, reason, before, work, lambda facts: facts)


async def add_area(staff: Staff, area: Area, reason: str) -> None:
    """A new area, without seats. Raises: PlanChanged, where there is one of that id."""
    desk = staff.services.desk

    async def work() -> Facts:
        if not await desk.catalogue.add_area(area):
            raise PlanChanged()
        await desk.refresh()
        return {"area": area.name, "floor": area.floor}

    await staff.recorded("area", f"area:{area.id}", None, reason, {}, work, lambda facts: facts)


async def call_off_misfits(staff: Staff, fate: Fate, reason: str) -> None:
    """Let ``fate`` happen to what does not fit; again where it could not be."""
    desk = staff.services.desk

    async def work() -> Facts:
        return await _called_off(staff, await misfits.misfits(desk, staff.now), fate)

    await staff.recorded("misfits", "rules", None, reason, {}, work, lambda facts: facts)


async def _called_off(staff: Staff, rows: list[Row], fate: Fate) -> dict[str, object]:
    if fate is Fate.KEEP:
        return {}
    actor = Actor("librarian", staff.reader.id)
    done = await misfits.call_off(staff.services.desk, rows, fate, actor, staff.now)
    counts = {"cancelled": done.cancelled, "offered": done.offered, "left": done.left}
    return {name: n for name, n in counts.items() if n or name == "cancelled"}
