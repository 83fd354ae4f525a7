"""Floors from files: tables, workbooks, our JSON and another system's layouts, valid and
hostile."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.texts.errors import REASONS
from handlers.texts.floor_files import (
    COLUMN_TEXT,
    KIND_TEXT,
    NO_WORDS,
    PROBLEM_TEXT,
    SHEET_TEXT,
    TEMPLATE_EXPLAINED,
    TEMPLATE_FIELDS,
    TEMPLATE_ROWS,
    WORDS,
    YES,
    YES_WORDS,
)
from models.floor_files import decoding, writing
from models.floor_files.rules import Defaults, ImportPlan, plan_import
from models.library.entities import (
    Area,
    AreaId,
    AreaState,
    Catalog,
    Fixture,
    Seat,
    SeatId,
    Venue,
    VenueId,
)
from models.library.plan_editing import MARK_KINDS, differences
from models.library.plan_json import plan_to_json
from models.library.seat_features import NO_FEATURES

VENUE = VenueId("library")
HALL = Area(
    *(AreaId("2f-hall"), VENUE, "二层中厅", 2, 0, 400, 300),
    seats=(
        Seat(SeatId("2f-hall-001"), AreaId("2f-hall"), "001", 20, 20, power=True),
        Seat(SeatId("2f-hall-002"), AreaId("2f-hall"), "002", 70, 20),
    ),
    fixtures=(Fixture("wall", 0, 0, 400, 10),),
    rev=3,
)
OLD = Area(AreaId("old"), VENUE, "旧阅览室", 1, 1, 400, 300, (), (), state=AreaState.RETIRED)
GONE = Area(AreaId("gone"), VENUE, "仓库", 1, 2, 400, 300, (), (), state=AreaState.DELETED)
ANNEX = Venue(VenueId("annex"), "分馆")
VENUES = {VENUE: Venue(VENUE, "图书馆"), ANNEX.id: ANNEX}
CATALOG = Catalog("", VENUES, {a.id: a for a in (HALL, OLD, GONE)}, {})


def planned(data: bytes | str, **defaults: Any) -> ImportPlan:
    data = data.encode() if isinstance(data, str) else data
    file = decoding.read_file(data, WORDS)
    if file.problems:
        return ImportPlan([], file.problems)
    return plan_import(file.areas, CATALOG, Defaults(**{"venue": "library", **defaults}))


def problems(data: bytes | str) -> list[tuple[int | None, str]]:
    """Line and reason of all problems of a file."""
    problems_found = planned(data).problems
    return [(problem.line, str(problem.error.details["reason"])) for problem in problems_found]


def workbook(rows: list[list[object]]) -> bytes:
    book, target = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(target)
    return target.getvalue()


TABLE = "区域,楼层,座位号,行,列,电源,靠窗\n五层东区,5,A-12,1,2,是,\n五层东区,5,A-2,1,1,,1\n"


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode(),
        b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode(),
        TABLE.encode("gb18030"),
        ("\n" + TABLE.replace(",", "\t")).encode(),
        "area;floor;seat;x;y;power;window\n五层东区;5;Ａ－１２;70;20;yes;\n"
        "五层东区;5;A-2;20;20;;TRUE\n".encode(),
        workbook(
            [
                ["区域", "楼层", "座位号", "行", "列", "电源", "靠窗"],
                ["五层东区", 5, "A-12", 1, 2.0, "是", None],
                ["五层东区", 5, "A-2", 1, 1, None, True],
            ]
        ),
    ],
    ids=["utf-8", "with a mark", "gb18030", "tabs", "english", "xlsx"],
)
def test_the_same_table_is_read_alike_from_each_format(data: bytes) -> None:
    plan = planned(data)
    assert plan.problems == []
    (area,) = plan.areas
    assert area.old is None and area.new.rev == 0
    assert (area.new.id, area.new.name, area.new.floor) == ("5f-1", "五层东区", 5)
    seats = [(s.id, s.number, s.x, s.y, s.power, s.window) for s in area.new.seats]
    assert seats == [
        ("5f-1-sa2", "A-2", 20, 20, False, True),
        ("5f-1-sa12", "A-12", 70, 20, True, False),
    ]
    assert (area.new.width, area.new.height) == (130, 80)


def test_an_import_keeps_values_of_an_area_that_the_file_omits() -> None:
    (area,) = planned("区域,座位号,电源\n二层中厅,001,\n").areas
    assert area.old is HALL
    changes = differences(HALL, area.new)
    assert (changes.removed, changes.features_changed, changes.moved) == (["002"], ["001"], [])
    assert area.new.fixtures == HALL.fixtures and area.new.rev == 4
    (area,) = planned("区域编号,区域,楼层,座位号,x,y\n2f-hall,大厅,2,001,20,20\n").areas
    assert area.old is HALL and area.new.name == "大厅"


def test_a_name_means_an_area_of_the_chosen_venue_unless_the_file_names_one() -> None:
    (area,) = planned("区域,楼层,座位号,行,列\n二层中厅,2,1,1,1\n", venue="annex").areas
    assert area.old is None and area.new.venue_id == ANNEX.id
    (area,) = planned("区域,场馆,座位号\n二层中厅,图书馆,001\n", venue="annex").areas
    assert area.old is HALL


GERMAN = "area;seat;row;column;Lampe;power\n"


@pytest.mark.parametrize(
    ("text", "encoding", "named", "read_as"),
    [
        ("Fensterplätze", "cp1252", "", "cp1252"),
        ("Fensterplätze", "latin-1", "", "cp1252"),
        ("Fensterplätze", "utf-8-sig", "", "utf-8"),
        ("五层东区 für Größe", "utf-16", "", "utf-16"),
        ("Salle d’été – 1er étage", "cp1252", "", "cp1252"),
        ("Größe", "cp1252", "", None),
        ("Größe", "cp1252", "cp1252", "cp1252"),
        ("Größe", "utf-8", "", "utf-8"),
        ("Größe", "utf-8", "cp1252", "cp1252"),
        ("五层东区", "gb18030", "", "gb18030"),
        ("镕基阅览室", "gb18030", "", "gb18030"),
        ("A区", "gb18030", "", None),
        ("A区", "gb18030", "gb18030", "gb18030"),
        ("Szkoła ąę", "cp1250", "", None),
        ("Fensterplätze", "cp1252", "utf-8", None),
    ],
)
def test_an_encoding_is_detected_or_must_be_chosen(
    text: str, encoding: str, named: str, read_as: str | None
) -> None:
    data = f"{GERMAN}{text};A-1;1;1;;\n".encode(encoding)
    file = decoding.read_file(data, WORDS, encoding=named)
    if read_as is None:
        (problem,) = file.problems
        assert problem.error.details["reason"] == "encoding_unknown"
        return
    assert (file.encoding, file.problems) == (read_as, [])
    assert file.areas[0].name == data.decode(read_as).split("\n")[1].split(";")[0]


def test_the_unicode_text_of_a_spreadsheet_is_read_in_both_byte_orders() -> None:
    table = "\ufeff" + TABLE.replace(",", "\t").replace("\n", "\r\n")
    for order in ("utf-16-le", "utf-16-be"):
        assert [a.new.name for a in planned(table.encode(order)).areas] == ["五层东区"]
    assert problems(table.encode("utf-16-le")[:-1]) == [(None, "not_text")]


def test_columns_without_a_meaning_are_named() -> None:
    head = "area,Lampe,seat,row,column, Steh  pult ,power" + ",x1" * 60
    file = decoding.read_file(f"{head}\nA,ja,1,1,1,x,ja\n".encode(), WORDS)
    assert file.ignored == ["Lampe", "Steh pult", *["x1"] * 58]


def test_each_word_for_yes_and_no_is_read_in_any_case() -> None:
    for yes, words in ((True, (*YES_WORDS, "oui", "sí")), (False, (*NO_WORDS, ""))):
        rows = [f"A,{n},{word}\nB,{n}, {word.upper()} \n" for n, word in enumerate(words)]
        file = decoding.read_file(f"area,seat,power\n{''.join(rows)}".encode(), WORDS)
        marks = [s.draft.power for area in file.areas for s in area.seats]
        assert marks == [yes] * len(rows) * 2


HEAD = "区域,楼层,座位号,行,列,电源,停用从,类型,宽,高,x,y"
WRONG: dict[str, tuple[bytes | str, list[tuple[int | None, str]]]] = {
    "empty": (b"", [(None, "no_rows")]),
    "head only": (HEAD, [(None, "no_rows")]),
    "no head": ("五层,5,001\n", [(1, "columns_missing")]),
    "column twice": ("区域,座位号,座位\n甲,1,2\n", [(1, "column_twice")]),
    "double": (
        f"{HEAD}\n甲,5,A-1,1,1\n甲,5,A-2,1,2\n\n甲,5,a-1,1,3\n",
        [(5, "seat_number_twice")],
    ),
    "one upon another": (f"{HEAD}\n甲,5,A-1,1,1\n甲,5,A-2,1,1\n", [(3, "seats_overlap")]),
    "each thing": (
        f"{HEAD}\n,5,1,1,1\n甲,5,,1,1\n甲,5,<b>,1,1\n甲,5,2,x,1\n甲,5,3,1,\n甲,5,4,2,2,maybe\n"
        "甲,5,5,3,3,,tomorrow\n甲,5,,,,,,sofa\n甲,5,,,,,,墙\n",
        [
            *[(2, "area_missing"), (3, "seat_missing"), (5, "not_a_number"), (5, "half_a_place")],
            *[(6, "half_a_place"), (7, "not_yes_or_no"), (8, "not_a_day")],
            *[(9, "unknown_fixture"), (10, "fixture_place")],
        ],
    ),
    "a name": (f"{HEAD}\n甲,5,=cmd|' /C calc'!A0,1,1\n", [(2, "seat_number_format")]),
    "days without a reason": (
        f"{HEAD}\n甲,5,1,1,1,,2026-09-01\n",
        [(2, "unavailability_reason_missing")],
    ),
    "outside": (f"{HEAD}\n甲,5,,,,,,区域,50,50\n甲,5,1,9,9\n", [(3, "seat_outside_plan")]),
    "no floor": ("区域,座位号,行,列\n甲,1,1,1\n", [(2, "new_area_without_floor")]),
    "no such venue": ("区域,场馆,楼层,座位号,行,列\n甲,乙,1,1,1,1\n", [(2, "venue_unknown")]),
    "no place": ("区域,楼层,座位号\n甲,1,1\n", [(2, "new_seat_without_place")]),
    "another venue": (
        "区域编号,区域,场馆,座位号,x,y\n2f-hall,二层中厅,分馆,001,20,20\n",
        [(2, "area_of_another_venue")],
    ),
    "retired": ("区域,座位号,行,列\n旧阅览室,1,1,1\n", [(2, "area_out_of_use")]),
    "deleted": ("区域编号,区域,座位号,行,列\ngone,仓库,1,1,1\n", [(2, "area_id_deleted")]),
    "another page": (
        "区域编号,区域,楼层,座位号,行,列\nimport,甲,1,1,1,1\n",
        [(2, "area_id_format")],
    ),
    "100,000 lines": (
        f"{HEAD}\n" + "\n" * 100_000 + "甲,5,1,1,1\n",
        [(20_001, "too_many_lines")],
    ),
    "100,000 seats": (
        f"{HEAD}\n" + "".join(f"甲,5,{n},{n % 199 + 1},1\n" for n in range(100_000)),
        [(5002, "too_many_seats_in_file")],
    ),
    "NUL": (b"\0\0\0" + TABLE.encode(), [(None, "not_text")]),
    "no encoding": (b"\xfe\xfd\xff\xff" * 9, [(None, "encoding_unknown")]),
    "a quote without an end": ('"' + "a," * 200_000, [(None, "not_a_table")]),
    "a long cell": ("区域,座位号\n" + "a" * 20_000 + ",1\n", [(None, "not_a_table")]),
    "2 MB": (b"a" * (2 * 1024 * 1024 + 1), [(None, "file_too_large")]),
    "half a JSON": ("{", [(None, "not_json")]),
    "deep JSON": ("[" * 100_000, [(None, "not_a_plan_file")]),
    "another JSON": ('{"areas": [{"seats": 1}]}', [(None, "not_a_plan_file")]),
    "a wrong layout": ('{"data": {"name": "甲", "layout": {"1": []}}}', [(None, "not_a_layout")]),
    "a wrong key": (
        '{"name": "甲", "layout": {"x": {"type": "seat", "name": "1"}}}',
        [(None, "layout_key")],
    ),
    "no seats": (
        '{"name": "甲", "layout": {"1001": {"type": "wall"}}}',
        [(None, "layout_without_seats")],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_problems_are_reported_by_line(case: str) -> None:
    data, expected = WRONG[case]
    assert problems(data) == expected


def zipped(parts: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return target.getvalue()


def doctored(name: str, data: bytes) -> bytes:
    """A valid workbook with one part replaced."""
    with zipfile.ZipFile(io.BytesIO(workbook([["区域", "座位号"], ["甲", "1"]]))) as good:
        return zipped({part: good.read(part) for part in good.namelist()} | {name: data})


ENTITIES = b'<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><sst>&b;</sst>'
HOSTILE: dict[str, bytes] = {
    "no workbook": zipped({"hello.xml": b"x"}),
    "a bomb": doctored("xl/sharedStrings.xml", b" " * 30_000_000),
    "a bomb of parts": zipped({**{f"a{n}": b"x" for n in range(300)}, "xl/workbook.xml": b""}),
    "entities": doctored("xl/sharedStrings.xml", ENTITIES),
    "broken XML": doctored("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"),
    "cut off": workbook([["区域", "座位号"]])[:-40] + b"PK\x05\x06" + b"\0" * 18,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_workbook_is_refused(case: str) -> None:
    assert len(HOSTILE[case]) < 2 * 1024 * 1024
    assert problems(HOSTILE[case]) == [(None, "not_a_workbook")]


def test_formulas_are_not_values_and_distant_cells_cost_no_memory() -> None:
    head: list[object] = ["区域", "楼层", "座位号", "行", "列"]
    assert problems(workbook([head, ["甲", 5, "=1+1", 1, 1]])) == [(2, "formula")]
    book = openpyxl.Workbook()
    book.active.append(head)
    book.active["A1048576"] = "甲"
    target = io.BytesIO()
    book.save(target)
    assert problems(target.getvalue()) == [(20_001, "too_many_lines")]


def test_a_layout_of_another_system_becomes_an_area() -> None:
    cells: dict[str, dict[str, object]] = {"1001": {"type": "empty"}}
    for column in range(2, 8):
        cells[f"2{column:03}"] = {"type": "wall"}
        cells[f"3{column:03}"] = {"type": "wall"}
    cells["4003"] = {
        **{"id": 1234, "name": "065", "type": "seat", "status": "FREE", "window": False},
        **{"power": True, "computer": False, "local": False},
    }
    cells["4004"] = {"id": 1235, "name": "066", "type": "seat", "window": True}
    cells["4005"] = {"type": "desk"}
    cells["12010"] = {"type": "bookshelf"}
    room = {"id": 9, "name": "三楼  自习室", "cols": 47, "rows": 23, "layout": cells}
    (area,) = planned(json.dumps({"status": "success", "data": room}), floor=3).areas
    assert (area.new.name, area.new.floor, area.new.id) == ("三楼 自习室", 3, "3f-1")
    assert [(s.number, s.x, s.y, s.power, s.window) for s in area.new.seats] == [
        ("065", 70, 120, True, False),
        ("066", 120, 120, False, True),
    ]
    assert area.new.fixtures == (
        Fixture("wall", 20, 20, 290, 90),
        Fixture("bookshelf", 420, 520, 40, 40),
    )


def test_the_offered_templates_import_without_problems() -> None:
    head = [COLUMN_TEXT[name] for name in TEMPLATE_FIELDS]
    sheets = {
        SHEET_TEXT["seats"]: [head, *TEMPLATE_ROWS],
        SHEET_TEXT["explained"]: TEMPLATE_EXPLAINED,
    }
    for data in (writing.as_csv([head, *TEMPLATE_ROWS]), writing.as_workbook(sheets)):
        plan = planned(data)
        assert plan.problems == []
        assert [(a.new.name, len(a.new.seats)) for a in plan.areas] == [
            ("五层东区", 3),
            ("五层西区", 1),
        ]


def test_every_import_problem_has_a_text() -> None:
    reasons = {reason for _, problems_told in WRONG.values() for _, reason in problems_told}
    assert reasons - PROBLEM_TEXT.keys() - REASONS.keys() == set()


NAMES = st.text("abXY甲乙0189", min_size=1, max_size=6) | st.sampled_from(["A-12", "2F-B07", "1/2"])
TEXTS = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=12
)


SEATS = st.tuples(
    *(st.integers(0, 5), st.integers(0, 200), st.tuples(*[st.booleans()] * 4)),
    *(st.none() | TEXTS, st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1))),
)
"""By how much it is moved, its marks, and why and from when it is out of service."""
FIXTURES = st.builds(
    Fixture,
    st.sampled_from(MARK_KINDS),
    st.integers(0, 100),
    st.just(5),
    st.integers(1, 50),
    st.just(7),
)


@st.composite
def areas(draw: st.DrawFn) -> Area:
    names = draw(st.lists(NAMES, max_size=6, unique_by=str.casefold))
    id = AreaId("2f-hall")
    seats = []
    for n, name in enumerate(names):
        right, down, (power, window, computer, accessible), reason, first = draw(SEATS)
        marks = (power, window, computer, accessible)
        out = (reason, first if reason else None)
        seats.append(Seat(SeatId(f"{id}-s{n}"), id, name, 45 * n + right, down, *marks, *out))
    fixtures = draw(st.lists(FIXTURES, max_size=3))
    floor, name = draw(st.integers(-9, 99)), draw(TEXTS)
    more = draw(st.dictionaries(st.sampled_from(["en", "de", "zh-Hant"]), TEXTS, max_size=2))
    place = (name, floor, 0, 700, 300)
    return Area(id, VENUE, *place, tuple(seats), tuple(fixtures), names=more)


def fields_of(seat: Seat) -> dict[str, Any]:
    return {name: getattr(seat, name) for name in Seat.__slots__}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(areas())
def test_an_exported_area_imports_unchanged(area: Area) -> None:
    """Importing into the same library changes nothing; into an empty one it makes the same plan,
    in the venue that a table names."""
    fields = writing.fields_of(NO_FEATURES, area)
    head = [COLUMN_TEXT.get(name, name) for name in fields]
    table = writing.as_csv([head, *writing.rows_of(area, "图书馆", fields, YES, KIND_TEXT)])
    as_json = json.dumps(plan_to_json(area)).encode()
    for data, venue in ((table, ANNEX.id), (as_json, VENUE)):
        there = Catalog("", CATALOG.venues, {area.id: area}, {})
        plan = plan_import(decoding.read_file(data, WORDS).areas, there, Defaults("library"))
        assert plan.problems == []
        assert not differences(area, plan.areas[0].new).any
        plan = plan_import(
            decoding.read_file(data, WORDS).areas,
            Catalog("", CATALOG.venues, {}, {}),
            Defaults(venue),
        )
        assert plan.problems == []
        new = plan.areas[0].new
        assert new.venue_id == VENUE
        assert (new.id, new.name, new.names, new.floor, new.width, new.height) == (
            *(area.id, area.name, area.names, area.floor, area.width, area.height),
        )
        assert new.fixtures == area.fixtures
        assert {s.number: drawn(s) for s in new.seats} == {s.number: drawn(s) for s in area.seats}


def drawn(seat: Seat) -> dict[str, Any]:
    return {name: value for name, value in fields_of(seat).items() if name not in ("id", "area_id")}
