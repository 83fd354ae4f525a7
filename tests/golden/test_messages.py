"""All messages as the student reads them, compared with ``messages.txt``.

To accept changed texts: ``python -m tests.golden.test_messages``, then review the difference.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from languages.catalogue import LANGUAGES
from languages.text import Text, document_of, joined, text_of
from miniapp_server import seed
from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from miniapp_server.sandbox.wechat_fields import fits
from models.check_in import transitions
from models.kernel.ids import Actor
from models.messages.entities import WECHAT_TEMPLATES, Template
from models.policy.entities import Policy
from models.readers.entities import FOREVER
from models.reservations import transitions as reservations_transitions
from models.reservations.entities import OutboxEventKind as Event
from models.reservations.entities import Placement, Reservation
from models.seat_reports import transitions as seat_reports_transitions
from models.violations.entities import ViolationCount
from models.waitlist.entities import EndReason, WaitlistEnd, WaitlistEntry
from notify.templates import FIELDS, TEMPLATE_BY_EVENT, moved_by_library, suspended, waitlist_ended
from notify.templates.rendering import (
    BETWEEN_KIOSKS,
    MessageContext,
    MessageTemplate,
    RenderedMessage,
)
from notify.wechat.template_config import format_fields, parse_templates
from tests.builders import (
    AREA,
    BY_JOB,
    BY_READER,
    MONDAY,
    PROOF,
    SEAT,
    VENUE,
    ZHANG,
    ZONE,
    away,
    hours,
    in_use,
    on,
    reserved,
)
from tests.gate_passages import after

ENGLISH: Final = LANGUAGES["en"]
GOLDEN: Final = Path(__file__).with_name("messages.txt")
POLICY: Final = Policy()
SUNDAY: Final = MONDAY - timedelta(days=1)

WAITED: Final = transitions.check_in(
    ZONE, reserved(), PROOF, POLICY, BY_READER, on("13:40:20"), early=False
)
TEN_MINUTES: Final = reserved("15:50", "16:00", made="15:50:30")
AT_LUNCH: Final = transitions.leave(
    in_use(reserved("11:00", "14:00")), on("12:45:10"), POLICY, BY_READER, on("11:45:10")
)
TO_CLOSING: Final = in_use(reserved("19:00", "22:30"))


def reminded(r: Reservation) -> Reservation:
    assert r.remind_at is not None
    return reservations_transitions.remind(r, r.remind_at)


def moment(r: Reservation, **penalty: Any) -> MessageContext:
    """The reservation's last event, as the dispatcher sees it."""
    notice, library = r.outbox[-1], seed.read()
    area = next(area for area in library.areas if area.id == r.area_id)
    facts: dict[str, Any] = dict(notice.facts)
    number = facts.pop("seat_id").rsplit("-", 1)[1]
    defaults: dict[str, Any] = {
        "violation": False,
        "counted": False,
        "window": ViolationCount(0, POLICY.violations_limit, POLICY.violations_window_days),
        "suspended_until": None,
    }
    return MessageContext(
        at=ZONE.local(notice.at),
        seat=f"{library.venue.name}{area.floor}层{area.name}{number}号",
        short_seat=f"{library.venue.name}{area.floor}层{area.name}{number}号",
        seat_no=number,
        receipt=r.receipt,
        kiosks=joined((kiosk.name for kiosk in library.kiosks), BETWEEN_KIOSKS),
        way=library.venue.check_in_way,
        **ZONE.local_facts({**defaults, **facts, **penalty}),
    )


RETURNED: Final = transitions.return_from_leave(away(), PROOF, POLICY, BY_READER, on("15:20"))


def counted(count: int, until: datetime | None = None) -> dict[str, Any]:
    window = ViolationCount(count, POLICY.violations_limit, POLICY.violations_window_days)
    return {"violation": True, "counted": True, "window": window, "suspended_until": until}


MISSED: Final = transitions.mark_no_show(reserved(), BY_JOB)
LAPSED: Final = transitions.mark_no_show(TEN_MINUTES, BY_JOB)
TIMED_OUT: Final = transitions.expire_leave(away(), BY_JOB)
UNTIL: Final = on("14:30").replace(day=14)
SECOND_OF_A_DAY: Final = {**counted(1), "counted": False}

DOUBTED: Final = seat_reports_transitions.request_presence_check(
    ZONE, in_use(), on("15:20"), "d:x", BY_READER, on("15:00")
)
REJECTED: Final = seat_reports_transitions.reject_report(
    seat_reports_transitions.report_occupied(
        reserved(), "occupied", PROOF, "o:x", BY_READER, on("14:10")
    ),
    Actor("librarian", "desk"),
    on("14:25"),
)
HELD: Final = reservations_transitions.create_offer(
    id=reserved().id,
    placement=Placement(ZONE, ZHANG, VENUE, AREA, SEAT.id, hours("14:00", "16:00")),
    policy=POLICY, waitlist_entry_id="w", until=on("08:10"), actor=BY_JOB, now=on("08:00"),
)  # fmt: skip


def passed(*gate_events: str) -> Reservation:
    return after(reserved(), *gate_events)


CASES: Final[list[tuple[str, Event | MessageTemplate, MessageContext]]] = [
    ("booked the day before", Event.BOOKING_CONFIRMED,
        moment(reserved(made="20:15", made_on=SUNDAY))),
    ("booked 现在", Event.BOOKING_CONFIRMED, moment(reserved("16:38", "18:00", made="16:38:20"))),
    ("booked for ten minutes", Event.BOOKING_CONFIRMED, moment(TEN_MINUTES)),
    ("booked until closing", Event.BOOKING_CONFIRMED, moment(reserved("22:00", "22:30"))),
    ("at the start", Event.CHECK_IN_REMINDER, moment(reminded(reserved()))),
    ("at the start, after a downtime", Event.CHECK_IN_REMINDER,
        moment(reminded(replace(reserved(), check_in_until=on("14:55"), penalty_waived=True)))),
    ("checked in", Event.CHECKED_IN, moment(in_use(when=on("14:10:30")))),
    ("checked in early, seat free", Event.CHECKED_IN, moment(in_use(when=on("13:40:20")))),
    ("checked in early, seat taken", Event.CHECKED_IN, moment(WAITED)),
    ("twenty minutes before the end", Event.ENDING_SOON, moment(reminded(in_use()))),
    ("twenty minutes before closing", Event.ENDING_SOON, moment(reminded(TO_CLOSING))),
    ("finished", Event.BOOKING_ENDED,
        moment(transitions.finish(in_use(when=on("14:02:50")), BY_READER, on("15:38:20")))),
    ("finished after early check-in", Event.BOOKING_ENDED,
        moment(transitions.finish(in_use(when=on("13:40:20")), BY_READER, on("14:20:50")))),
    ("finished at once", Event.BOOKING_ENDED,
        moment(transitions.finish(in_use(when=on("14:10:20")), BY_READER, on("14:10:50")))),
    ("completed", Event.BOOKING_ENDED, moment(transitions.complete(in_use(), BY_JOB))),
    ("left", Event.TEMPORARY_LEAVE, moment(away())),
    ("left for lunch", Event.TEMPORARY_LEAVE, moment(AT_LUNCH)),
    ("left shortly before the end", Event.TEMPORARY_LEAVE,
        moment(transitions.leave(in_use(), on("16:00"), POLICY, BY_READER, on("15:50")))),
    ("ten minutes before the leave ends", Event.LEAVE_REMINDER, moment(reminded(away()))),
    ("not back, no violation", Event.LEAVE_EXPIRED, moment(TIMED_OUT)),
    ("not back, counted", Event.LEAVE_EXPIRED, moment(TIMED_OUT, **counted(2))),
    ("not back, second of the day", Event.LEAVE_EXPIRED, moment(TIMED_OUT, **SECOND_OF_A_DAY)),
    ("not back, suspended", Event.LEAVE_EXPIRED, moment(TIMED_OUT, **counted(3, UNTIL))),
    ("missed, first", Event.NO_SHOW, moment(MISSED, **counted(1))),
    ("missed, second", Event.NO_SHOW, moment(MISSED, **counted(2))),
    ("missed, second of the day", Event.NO_SHOW, moment(MISSED, **SECOND_OF_A_DAY)),
    ("missed, suspended", Event.NO_SHOW, moment(MISSED, **counted(3, UNTIL))),
    ("missed, suspended without an end", Event.NO_SHOW, moment(MISSED, **counted(3, FOREVER))),
    ("missed, excused", Event.NO_SHOW, moment(LAPSED, window=ViolationCount(1, 3, 30))),
    ("missed, with more to come", Event.NO_SHOW, moment(MISSED, others=2, **counted(1))),
    ("suspended", suspended.MESSAGE, moment(MISSED, **counted(3, UNTIL))),
    ("a gate checked in", Event.CHECKED_IN, moment(passed("in 13:40"))),
    ("a gate saw them leave", Event.TEMPORARY_LEAVE, moment(passed("in 13:40", "out 14:50"))),
    ("a gate saw them return", Event.RETURNED, moment(passed("in 13:40", "out 14:50", "in 15:10"))),
    ("came back and scanned", Event.RETURNED, moment(RETURNED)),
    ("renewed", Event.END_MOVED,
        moment(transitions.renew(ZONE, in_use(), on("17:00"), POLICY, BY_READER, on("15:30")))),
    ("the rest given back", Event.END_MOVED,
        moment(transitions.shorten(ZONE, in_use(), on("15:00"), POLICY, BY_READER, on("14:40")))),
    ("somebody doubts it", Event.PRESENCE_CHECK, moment(DOUBTED)),
    ("nobody else sits there", Event.REPORT_REJECTED, moment(REJECTED)),
    ("a seat is held", Event.WAITLIST_OFFER, moment(HELD)),
    ("another seat is held", Event.ALTERNATIVE_OFFER, moment(HELD)),
    ("another seat is held, for one that is named", Event.ALTERNATIVE_OFFER,
        moment(HELD, replaced_seat="图书馆2层二层中厅010号", replaced_start=on("14:00"),
            replaced_end=on("16:00"))),
    ("what was held is taken back", Event.OFFER_WITHDRAWN, moment(HELD)),
    ("the library cancels it", Event.BOOKING_CANCELLED_BY_LIBRARY,
        moment(reservations_transitions.cancel(reserved(), Actor("librarian", "l"), on("09:00")))),
    ("the library moves it", moved_by_library.MESSAGE, moment(reserved())),
]  # fmt: skip
"""Each with the event that brings it, or the message where it is not the event's alone."""


def template_of(event: Event | MessageTemplate) -> MessageTemplate:
    return event if isinstance(event, MessageTemplate) else TEMPLATE_BY_EVENT[event]


WAITS: Final = WaitlistEntry(
    "w", ZHANG, AREA, frozenset(), frozenset(), on("14:00"), on("16:00"), on("08:00")
)
ENDS: Final = (
    ("the seats are gone", WaitlistEnd(on("09:00"), EndReason.NO_SEATS)),
    ("suspended while waiting", WaitlistEnd(on("09:00"), EndReason.SUSPENDED, UNTIL)),
    ("suspended without an end", WaitlistEnd(on("09:00"), EndReason.SUSPENDED, FOREVER)),
)


def written() -> Iterator[tuple[str, Template, str, datetime, RenderedMessage]]:
    """Every case: name, template, title, the time of the message, and the message."""
    for name, event, moment_of in CASES:
        template = template_of(event)
        yield name, template.template, template.title, moment_of.at, template.render(moment_of)
    for name, end in ENDS:
        message = waitlist_ended.render(ZONE, "图书馆2层二层中厅", "图书馆2层二层中厅", WAITS, end)
        yield name, waitlist_ended.TEMPLATE, waitlist_ended.TITLE, end.at, message


def render() -> str:
    """Every case: in the app, then in WeChat by the sandbox's templates."""
    templates = parse_templates(SANDBOX_TEMPLATES, {t.value: names for t, names in FIELDS.items()})
    lines: list[str] = []
    for name, template, title, at, message in written():
        fields = format_fields(templates[template.value], ZONE.local_facts(message.facts))
        assert message.not_after is not None, name
        until = f"{ZONE.local(message.not_after):%m-%d %H:%M:%S}"
        lines += [f"== {template} · {name}", f"[{title}] {message.text}"]
        lines += [f"    {key:<18} {value}" for key, value in fields.items()]
        lines += [f"    (told {ZONE.local(at):%m-%d %H:%M:%S}, WeChat until {until})", ""]
    return "\n".join(lines)


def test_messages_equal_the_golden_file() -> None:
    committed, now = GOLDEN.read_text(encoding="utf-8"), render()
    changed = difflib.unified_diff(committed.splitlines(), now.splitlines(), lineterm="", n=1)
    assert committed == now, "\n".join(changed)


def test_every_template_is_in_the_golden_file_and_fits_wechats_fields() -> None:
    templates = parse_templates(SANDBOX_TEMPLATES, {t.value: names for t, names in FIELDS.items()})
    seen: set[Template] = set()
    for name, template, _, _, message in written():
        assert set(message.facts) == set(FIELDS[template]), name
        for key, value in format_fields(
            templates[template.value], ZONE.local_facts(message.facts)
        ).items():
            assert fits(key.rstrip("0123456789"), value), (name, key, value)
            assert "…" not in value and "--" not in value, (name, key, value)
        assert "--" not in message.text and "None" not in message.text
        seen.add(template)
    assert seen == set(WECHAT_TEMPLATES)


if __name__ == "__main__":
    GOLDEN.write_text(render(), encoding="utf-8")


def test_every_message_is_said_in_english_also_after_it_was_stored() -> None:
    """Only what the library named stays Chinese."""
    for name, _, title, _, message in written():
        for text in (title, message.text):
            assert isinstance(text, Text), name
            said = ENGLISH.say(text)
            assert ENGLISH.say(text_of(str(text), document_of(text))) == said
            rest = re.sub(r"图书馆2层二层中厅(\d+号)?|[二三四]层[南北][一-鿿]+机", "", said)
            assert not re.search("[\u4e00-\u9fff]", rest), (name, said)
