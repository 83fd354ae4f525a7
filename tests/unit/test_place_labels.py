"""Names and labels of floors, areas and seats, put together for one language."""

from __future__ import annotations

from pathlib import Path

import pytest

from handlers.http import presenting
from handlers.http.templates import environment_of
from handlers.reservations.schemas import ReservedSeat
from handlers.texts.pages import floor_text
from languages.catalogue import CHINESE, LANGUAGES
from miniapp_server.sandbox.wechat_fields import fits
from models.kernel.errors import Malformed
from models.library.entities import Area, Catalog, Seat, SeatId, Venue
from models.library.names import Floor, check_names, floor_label, name_in
from models.messages.entities import LONGEST_THING
from tests.builders import AREA, VENUE, ZONE
from tests.unfriendly import AREAS, HAUPT, JURA

ENGLISH = LANGUAGES["en"]
SCRIPTS = Path(presenting.__file__).parents[1] / "static"
UNFRIENDLY = Catalog("1", {v.id: v for v in (HAUPT, JURA)}, {area.id: area for area in AREAS}, {})


@pytest.mark.parametrize(
    ("floor", "label", "text", "english"),
    [
        (Floor(-2), "地下2层", "地下二层", "Basement 2"),
        (Floor(-1), "地下1层", "地下一层", "Basement 1"),
        (Floor(0), "0层", "零层", "Floor 0"),
        (Floor(9), "9层", "九层", "Floor 9"),
        (Floor(10), "10层", "10层", "Floor 10"),
        (Floor(0, "EG", {"en": "Ground floor"}), "EG", "EG", "Ground floor"),
        (Floor(1, "1. OG", {"zh": "二层"}), "二层", "二层", "1. OG"),
    ],
)
def test_a_floor_has_a_usual_name_or_one_of_its_own(
    floor: Floor, label: str, text: str, english: str
) -> None:
    assert (floor_label(floor), floor_text(floor), floor_label(floor, ENGLISH)) == (
        *(label, text),
        english,
    )


@pytest.mark.parametrize(
    ("venue", "floor", "area", "number", "label", "english"),
    [
        (
            "图书馆",
            2,
            "二层中厅",
            "065",
            "图书馆2层二层中厅065号",
            "图书馆 · Floor 2 · 二层中厅 · no. 065",
        ),
        (
            "图书馆",
            -1,
            "书库",
            "A-12",
            "图书馆地下1层书库A-12号",
            "图书馆 · Basement 1 · 书库 · A-12",
        ),
        ("图书馆", 3, "A区", "12", "图书馆3层A区12号", "图书馆 · Floor 3 · A区 · no. 12"),
        (
            "3号楼",
            10,
            "自习室B",
            "B07",
            "3号楼10层自习室B · B07号",
            "3号楼 · Floor 10 · 自习室B · B07",
        ),
        (
            "图书馆",
            1,
            "自习室B",
            "Carrel 3",
            "图书馆1层自习室B · Carrel 3号",
            "图书馆 · Floor 1 · 自习室B · Carrel 3",
        ),
        (
            "Café",
            -1,
            "Å (Süd)",
            "1",
            "Café地下1层Å (Süd) · 1号",
            "Café · Basement 1 · Å (Süd) · no. 1",
        ),
        ("A & B", 1, "<i>", "1", "A & B · 1层<i> · 1号", "A & B · Floor 1 · <i> · no. 1"),
    ],
)
def test_a_label_is_put_together_from_facts_for_each_language(
    venue: str, floor: int, area: str, number: str, label: str, english: str
) -> None:
    seat = Seat(SeatId("s"), AREA, number, 0, 0)
    hall = Area(AREA, VENUE, area, floor, 0, 1, 1, (seat,), ())
    catalog = Catalog("1", {VENUE: Venue(VENUE, venue)}, {AREA: hall}, {})
    assert catalog.seat_label(seat) == catalog.label_of(seat.id) == label
    assert ENGLISH.say(catalog.seat_label(seat)) == english
    assert label.startswith(catalog.area_label(hall))


@pytest.mark.parametrize(
    ("seat_id", "label", "english", "in_area"),
    [
        (
            "haupt-eg-0",
            "总馆EG · A区A-1-07号",
            "Main Library · Ground floor · Zone A · A-1-07",
            "Ground floor · Zone A · A-1-07",
        ),
        (
            "haupt-1-1",
            "总馆1. OG · Lesesaal A · Carrel 3号",
            "Main Library · 1. OG · Lesesaal A · Carrel 3",
            "1. OG · Lesesaal A · Carrel 3",
        ),
        (
            "jura-0-2",
            "Rechtshaus · 0层A区12号",
            "Rechtshaus · Floor 0 · A区 · no. 12",
            "Floor 0 · A区 · no. 12",
        ),
        (
            "jura-1-2",
            "Rechtshaus二层经济学阅览室12号",
            "Rechtshaus · 二层 · Wirtschaftswissenschaftlicher Lesesaal A · no. 12",
            "二层 · Wirtschaftswissenschaftlicher Lesesaal A · no. 12",
        ),
    ],
)
def test_names_by_language_are_in_the_labels_and_on_pages(
    seat_id: str, label: str, english: str, in_area: str
) -> None:
    seat = UNFRIENDLY.seats[SeatId(seat_id)]
    area = UNFRIENDLY.areas[seat.area_id]
    reserved = ReservedSeat(**UNFRIENDLY.described(seat))
    source = "{{ seat | place }}|{{ area | seat_name(seat.no, catalog) }}|{{ area | name }}"
    facts = {"seat": reserved, "area": area, "catalog": UNFRIENDLY}
    pages = [
        environment_of(one, ZONE).from_string(source).render(**facts) for one in (CHINESE, ENGLISH)
    ]
    assert [page.split("|")[0] for page in pages] == [label, english]
    assert pages[1].split("|")[1:] == [in_area, name_in(area, "en")]


@pytest.mark.parametrize(
    ("seat_id", "short"),
    [
        ("haupt-eg-0", "总馆EG · A区A-1-07号"),
        ("haupt-1-0", "Lesesaal A · A-1-07号"),
        ("haupt-1-2", "Lesesaal A · 12号"),
        ("jura-0-1", "0层A区Carrel 3号"),
        ("jura-1-1", "二层经济学阅览室Carrel 3号"),
        ("jura-1-3", "Gruppenarbeit-000001"),
    ],
)
def test_a_short_label_loses_the_venue_then_the_floor_never_the_number(
    seat_id: str, short: str
) -> None:
    assert UNFRIENDLY.short_label_of(SeatId(seat_id), LONGEST_THING) == short
    assert fits("thing", short)


def test_a_seat_of_another_library_is_worded_as_its_id() -> None:
    seat = ReservedSeat("gone-<1>", "", "", "", 0, "", "gone-<1>", "", {})
    page = environment_of(ENGLISH, ZONE).from_string("{{ seat | place }}").render(seat=seat)
    assert page == "gone-&lt;1&gt;"


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", "Main Library"),
        ("en-GB", "Main Library"),
        ("zh-Hant", "总馆"),
        ("de", "Hauptbibliothek"),
    ],
)
def test_a_missing_language_gets_the_first_name(language: str, name: str) -> None:
    assert name_in(HAUPT, language) == name


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"English": "x"}, "language_tag"),
        ({"": "x"}, "language_tag"),
        ({"en.x": "x"}, "language_tag"),
        ({"en": ""}, "name_length"),
        ({"zh-Hant": "x" * 41}, "name_length"),
        ({"en": "a\nb"}, "name_length"),
        ({f"en-{n:03}": "x" for n in range(21)}, "too_many_names"),
    ],
)
def test_a_wrong_name_by_language_is_refused(names: dict[str, str], reason: str) -> None:
    check_names("names", {"en": "x" * 40, "zh-Hant-TW": "x"}, 40)
    with pytest.raises(Malformed) as refused:
        check_names("names", names, 40)
    assert refused.value.details["reason"] == reason


@pytest.mark.parametrize(
    ("name", "hyphenated"),
    [
        ("Rechtswissenschaftliche Zweigbibl.", "Rechts-wissen-schaft-liche Zweigbibl."),
        ("Universitätsbibliothek", "Univer-sitäts-bibliothek"),
        ("Doktorandenzimmer", "Dokto-randen-zimmer"),
        ("Carrel 3 · 经济管理与法学外文期刊阅览", "Carrel 3 · 经济管理与法学外文期刊阅览"),
    ],
)
def test_a_long_word_can_break_before_a_syllable(name: str, hyphenated: str) -> None:
    assert presenting.hyphenated(name).replace("\u00ad", "-") == hyphenated


def test_kiosks_find_the_same_syllables() -> None:
    script = SCRIPTS.joinpath("kiosk.js").read_text(encoding="utf-8")
    assert f"/{presenting.SYLLABLE.pattern}/g" in script
    assert f"/{presenting.LONG_WORD.pattern}/g" in script
