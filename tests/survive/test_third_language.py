"""A third language is a PO file and nothing else: every page in a language whose messages have no
Chinese."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from babel.messages.catalog import Catalog

from miniapp_server.cli.library import library_of, take_in
from models.identity.roles import Role
from models.seasons.entities import SeasonKind, Thing
from models.transfer.library_file import from_text, to_text
from scripts.messages import extracted, written
from tests.api.browsing import Browser
from tests.api.changes import with_rules
from tests.api.known_reader import apply_for_season, hold_of_season
from tests.living import MONDAY_8, Client, Living
from tests.survive.serving import ROOT, Remote, remote
from tests.waiting import until

ESPERANTO: Final = "eo"
HEADERS: Final = {"Accept-Language": ESPERANTO, "Accept": "text/html"}
CHINESE: Final = re.compile("[\u3001-\u303f\u3400-\u9fff\uff01-\uff0a\uff0c\uff0e-\uffee]+")
WORDS: Final = re.compile(rf"\{{[^{{}}]*\}}|{CHINESE.pattern}")
"""Matches a place of a message, or the Chinese between places."""
TYPED: Final = re.compile('张三|张\\*|林静怡|林\\*|中文|(?<=<span lang="zh-CN">)[^<]*')
"""What people typed: names of readers and staff. And the name of the other language, and what the
label of a room says in it."""
STILL_CHINESE: Final = re.compile("/console/(handbook|library$|plans/import$)")
"""Matches what is in Chinese still: the handbook, the default wording that a library edits, and
the words that a floor file may have."""
COMMENT: Final = re.compile(r"(^|\s)//.*")
ELSEWHERE: Final = re.compile(
    "/second-factor|/console/alerts|/console/(groups|webhooks)/none|/api/v1/(email-address|binding-requests/current|kiosks/none/code)"
    "|/together$|/room-(bookings|invitations)/[^/]+/"
)
"""Matches addresses that answer nobody here, without mail, a group, a kiosk's key, a seat …."""
LABEL: Final = re.compile(r"'label': '[^']*'")
"""The API's seat labels, which programs read in Chinese."""
MORE: Final = (
    *("/areas/2f-hall?seat=2f-hall-067", "/areas/2f-hall?seat=2f-hall-065&start=now&end=12:00"),
    "/together?seat=2f-hall-067&start=14:00&end=15:00",
    *("/nothing", "/api/v1/nothing", "/areas/none", "/kiosk/none", "/kiosk/2f-north", "/s/none"),
)
"""Further addresses: states of pages, and errors."""
NO_PAGES: Final = re.compile(
    r"^/(static|logo|room-pictures|language|login|entry|bind|mini-code|sandbox|calendar|metrics|healthz|readyz|docs"
    r"|openapi\.json|offline|sw\.js|favicon\.ico|manifest\.webmanifest|email|\{name\}|s|k|reserve|activation/state"
    r"|me/email)\b|\.(csv|xlsx|json|ics|png)$|/picture/|/events$|^/\{name|^/console(/plans)?/$"
)
"""Matches addresses that are files, redirects, or for machines."""


def esperanto() -> bytes:
    """A PO file in which each run of Chinese is one letter, and all else as in the message."""
    catalogue = Catalog(ESPERANTO)
    for message in extracted():
        if not message.id:
            continue
        several = not isinstance(message.id, str)
        source = message.id[0] if several else str(message.id)
        text = WORDS.sub(lambda one: one[0] if one[0].startswith("{") else "ŝ", source)
        catalogue.add(
            message.id,
            (text,) * catalogue.num_plurals if several else text,
            locations=message.locations,
            context=message.context,
        )
    return written(catalogue)


def in_latin_letters(value: Any, numbers: Iterator[int]) -> Any:
    """The value with a Latin name in place of each Chinese text."""
    if isinstance(value, dict):
        return {name: in_latin_letters(one, numbers) for name, one in value.items()}
    if isinstance(value, list):
        return [in_latin_letters(one, numbers) for one in value]
    if isinstance(value, str) and CHINESE.search(value):
        return f"L{next(numbers)}"
    return value


async def make_latin(service: Remote) -> None:
    library = await library_of(service.inside.stored, service.inside.reference)
    values = in_latin_letters(msgspec.json.decode(to_text(library)), iter(range(10, 1000)))
    await service.db["notices"].delete_many({})  # an import adds those of the file only
    values["profile"]["language"] = "en"  # the test's own process knows no Esperanto
    await take_in(service.app, from_text(msgspec.json.encode(values)), True, service.clock.now())
    await service.db["profile"].update_one({"_id": "profile"}, {"$set": {"language": ESPERANTO}})
    await with_rules(service, hall_display=True, public_occupancy=True)

    async def is_there() -> bool:
        page = await service.anonymous.get("//kiosk")
        return 'lang="eo"' in page.body

    await until(is_there, "the new library in the served process", 20)


async def lived(service: Living) -> tuple[Client, dict[str, str]]:
    """A reader's stay with all that pages tell of it, and the ids for addresses."""
    reader = await service.reader()
    await reader.reserve("2f-hall-064", "09:00", "10:00")
    await service.move("09:40")
    service.clock.set(MONDAY_8.replace(hour=9, minute=40))  # that of this process
    (violation,) = (await reader.ok("GET", "/violations"))["items"]
    wish = {"seat_id": "2f-hall-065", "date": service.today, "start": "now", "end": "11:00"}
    together = await reader.ok("POST", "/parties", wish | {"friends": ["2f-hall-063"]})
    made = together["reservation"]
    await reader.ok(
        "POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr("2f-north")}
    )
    await reader.ok("POST", f"/reservations/{made['id']}/leave")
    later = await reader.reserve("2f-hall-066", "14:00", "16:00")
    group = {"room_id": "r201", "date": service.today, "start": "17:00", "end": "18:00"}
    room = await reader.ok("POST", "/room-bookings", group)
    day, head = service.today, await service.web_reader(role=Role.ADMINISTRATOR)
    series = {"id": "b" * 24, "room_id": "r402", "title": "Kurs", "first": day, "last": day}
    at = {"start": "19:00", "end": "20:00", "all": True}
    blocked = await head.ok("POST", "/staff/room-blocks", series | at)
    await reader.ok("POST", "/favourites", {"seat_id": "2f-hall-066"})
    seats = tuple(Thing(f"2f-hall-{number:03}") for number in (68, 69))
    season = await apply_for_season(service, reader, "5" * 24, seats, SeasonKind.SEATS)
    drawn = await hold_of_season(service, reader)
    (notice, *_) = (await reader.ok("GET", "/notices"))["items"]
    ids = {
        "/reservations/{id}/{verb}": later["id"],
        "/reservations/violations": violation["id"],
        "/reservations": made["id"],
        "/api/v1/reservations": made["id"],
        "/api/v1/invitations": together["party"]["invitation"],
        "/api/v1/room-bookings": room["id"],
        "/api/v1/room-invitations": room["invitation"],
        "/together": together["party"]["invitation"],
        "/rooms": "r201",
        "/room-bookings": room["id"],
        "/room-invitations": room["invitation"],
        "/console/reservations": made["id"],
        "/console/readers": reader.reader_id,
        "/api/v1/seats": "2f-hall-067",
        "/api/v1/notices": notice["id"],
        "/notices": notice["id"],
        "/seats": "2f-hall-067",
        "/areas": "2f-hall",
        "/api/v1/areas": "2f-hall",
        "/console/plans": "2f-hall",
        "/api/v1/staff": made["id"],
        "/console/devices": "2f-south",
        "/console/notices": notice["id"],
        "/console/room-settings": "r201",
        "/console/rooms": blocked["dates"][0]["block"],
        "/kiosk": "2f-south",
        "/display": "library",
        "/seasons": season.id,
        "/api/v1/seasons": season.id,
        "/console/seasons": drawn.id,
    }
    return reader, ids


def addresses(ids: dict[str, str]) -> Iterator[str]:
    """Addresses of all pages and of what the API tells a reader, with ids in place."""
    rows = re.findall(r"^GET +(\S+)", (ROOT / "tests/golden/rights.txt").read_text("utf-8"), re.M)
    for row in rows:
        if NO_PAGES.search(row):
            continue
        first = "/".join(row.split("/")[:4]) if row.startswith(("/api", "/console")) else row
        id = next((id for start, id in ids.items() if first.startswith(start)), "none")
        names = {"{verb}": "cancel", "{chapter}": "rules", "{room}": "r201", "{id}": id}
        for place, name in names.items():
            row = row.replace(place, name)
        yield row


async def test_every_page_of_a_third_language_has_no_chinese(
    mongo_url: str, redis_url: str, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "languages", tmp_path / "languages")
    (tmp_path / "languages" / "po" / f"{ESPERANTO}.po").write_bytes(esperanto())
    async with remote(mongo_url, redis_url, PYTHONPATH=f"{tmp_path}:{ROOT}") as service:
        await make_latin(service)
        reader, ids = await lived(service)
        people = {
            "reader": Browser(await service.web_reader(reader)),
            "staff": Browser(await service.web_reader(role=Role.ADMINISTRATOR)),
            "stranger": Browser(service.stranger()),
        }
        chinese: dict[str, list[str]] = {}
        scripts: set[str] = set()
        answers: dict[str, int] = {}
        pages = [path for path in addresses(ids) if not STILL_CHINESE.match(path)]
        for path in (*pages, *MORE):
            for who, browser in people.items():
                answer = await browser.get(path, **HEADERS)
                text = answer.body if isinstance(answer.body, str) else str(answer.body)
                answers[f"{who} {path}"] = answer.status
                left = CHINESE.findall(TYPED.sub("", LABEL.sub("", text)))
                if left:
                    chinese[f"{who} {path}"] = left
                scripts |= set(re.findall(r'/static/[^" ]+\.js', text))
        for path in scripts:
            source = COMMENT.sub("", (await service.anonymous.get(f"/{path}")).body)
            if left := CHINESE.findall(source):
                chinese[path] = left
        assert chinese == {}
        answered = {path.partition(" ")[2] for path, status in answers.items() if status == 200}
        assert [path for path in pages if path not in answered and not ELSEWHERE.match(path)] == []
