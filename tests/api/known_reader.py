"""A reader with data in every collection."""

from __future__ import annotations

from datetime import datetime, timedelta
from secrets import token_hex

from models.kernel.time_range import TimeRange
from models.library.entities import KioskId, SeatId
from models.messages.entities import Channel, Template
from models.opening_draw.entities import Ticket
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.seasons.calculation import SALT_BYTES
from models.seasons.entities import Application, Season, SeasonId, SeasonKind, Thing
from models.staff.alert_kinds import AlertKind
from models.storage.mongo import new_id
from tests.api.console import librarian
from tests.api.gate import gate_of
from tests.api.violations import WHY
from tests.living import Client, Living
from tests.seasons import LOCKERS, plan

CARD = "0412345678"
ASKED = "插座不通电，是我的手机吗"


async def apply_for_season(
    service: Living,
    reader: Client,
    id: str = "5" * 24,
    things: tuple[Thing, ...] = LOCKERS,
    kind: SeasonKind = SeasonKind.LOCKERS,
) -> Season:
    """The reader's application for a season that is open now."""
    now, stored = service.clock.now(), service.inside.stored.seasons
    rule = plan(now - timedelta(hours=1), things=things, kind=kind)
    season = Season(SeasonId(id), rule, "rule", "c" * 64, "f" * 64)
    await stored.add(season, now)
    wishes, salt = (things[0].id, "any"), token_hex(SALT_BYTES)
    assert await stored.apply(
        Application(season.id, reader.reader_id, wishes, salt, made_at=now, changed_at=now), now
    )
    return season


async def hold_of_season(service: Living, reader: Client) -> Season:
    """A drawn season of their own, in which the reader has the locker of their number and -1, for
    which another reader offers the one with -2."""
    first, second = (f"{reader.number}-{n}" for n in (1, 2))
    lockers = (Thing(first), Thing(second))
    season = await apply_for_season(service, reader, new_id(), lockers)
    other = await service.reader()
    now, seasons = service.clock.now(), service.db["season_applications"]
    offer = Application(season.id, other.reader_id, ("any",), token_hex(SALT_BYTES), now, now)
    assert await service.inside.stored.seasons.apply(offer, now)
    await service.db["seasons"].update_one({"_id": season.id}, {"$set": {"state": "drawn"}})
    for rank, (who, has) in enumerate(
        ((reader, {"thing": first}), (other, {"thing": second, "swap": first})), start=1
    ):
        held = {"weight": 1, "rank": rank, **has}
        await seasons.update_one({"season": season.id, "reader": who.reader_id}, {"$set": held})
    return season


async def reader_with_data(service: Living) -> Client:
    """A reader with data in every collection that can hold some."""
    reader, desk = await service.reader(), await librarian(service)
    gate, other = await gate_of(service), await service.reader()
    await service.inside.stored.cards.put(CARD, reader.reader_id)
    await reader.ok("POST", "/favourites", {"seat_id": "2f-hall-003"})
    await reader.ok("POST", "/calendar-feed")
    await apply_for_season(service, reader)
    await reader.accept("RESERVED", "NO_SHOW")
    # A day in the past: sat, left, came back, went.
    made = await reader.reserve(start="09:00", end="11:00")
    await service.move("08:50")
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await gate.pass_(reader, "in")
    await service.move("09:40")
    await reader.ok("POST", f"/reservations/{made['id']}/finish")
    await gate.pass_(reader, "out")
    # And one that was missed, appealed and answered.
    await reader.reserve(start="10:00", end="12:00")
    await service.move("10:40")
    (missed,) = (await reader.ok("GET", "/violations"))["items"]
    await reader.ok("POST", f"/violations/{missed['id']}/appeal", {"text": WHY})
    answer = {"granted": False, "answer": "当天没有故障"}
    await desk.ok("POST", f"/staff/appeals/{missed['id']}", answer)
    await service.inside.stored.feedback.add(reader.reader_id, "k", ASKED, service.clock.now())
    await reader.ok("POST", "/seats/2f-hall-001/faults", {"kind": "lamp", "text": "不亮"})
    # Now: in line, and in use, and one for tomorrow.
    taken = await other.reserve("2f-hall-001", "18:00", "20:00")
    line = {"area_id": "2f-hall", "seats": ["2f-hall-001"], "date": service.today}
    await reader.ok("POST", "/waitlist", line | {"start": "18:00", "end": "20:00"})
    live = await reader.reserve("2f-hall-002", "now", "14:00")
    await reader.ok("POST", f"/reservations/{live['id']}/check-in", {"qr": await service.qr()})
    for_tomorrow = await reader.reserve("2f-hall-003", "09:00", "11:00", service.tomorrow)
    span = TimeRange(*(datetime.fromisoformat(for_tomorrow[name]) for name in ("start", "end")))
    ticket = Ticket(span.start.date(), reader.reader_id, 0, SeatId("2f-hall-003"), span, "k")
    assert await service.inside.stored.opening_tickets.draw(ticket, -1)
    await service.sessions.open_kiosk(reader.reader_id, KioskId("2f-south"), service.clock.now())
    now = service.clock.now()
    await service.inside.stored.activation_codes.issue(
        reader.reader_id, "123456", now, now + timedelta(minutes=10)
    )
    await service.inside.stored.review_codes.issue(
        reader.reader_id, "r" * 22, now, now + timedelta(days=30)
    )
    await service.inside.stored.accommodations.replace(
        reader.reader_id, NO_ACCOMMODATION, Accommodation(accessible=True)
    )
    stored, id = service.inside.stored, reader.reader_id
    await stored.email_addresses.follow_campus(id, "zhang@example.edu")
    await stored.message_choices.choose(Channel.WECOM, id, {Template.ENDED: True})
    assert await stored.second_factors.put(id, "S" * 32, ["A" * 16], 1, now)
    await stored.alerts.choose(id, [AlertKind.QUESTIONS], None, now + timedelta(days=1))
    await service.settle()
    assert taken["state"] == "reserved"
    return reader
