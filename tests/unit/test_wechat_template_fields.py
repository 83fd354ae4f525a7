"""Values fit the types of WeChat's template fields; an invalid configuration is reported with its
place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniapp_server.sandbox.wechat_fields import fits
from models.kernel.time_range import TimeRange
from models.library.entities import Area, Catalog, Seat, SeatId, Venue
from models.messages.entities import LONGEST_THING
from models.readers.entities import FOREVER
from notify.wechat.template_config import (
    TemplateConfigError,
    parse_templates,
)
from notify.wechat.template_fields import format_value
from tests.builders import AREA, VENUE, ZONE

AT = ZONE.local(datetime(2026, 11, 24, 6, 0, tzinfo=UTC))
UNTIL = ZONE.local(AT + timedelta(hours=4))


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("thing", "图书馆2层二层中厅065号", "图书馆2层二层中厅065号"),
        ("thing", "a\n b\t\x00c\u200b", "a b c"),
        ("thing", "e\u0301", "é"),
        ("thing", "字" * 21, "字" * 19 + "…"),
        ("thing", "字" * 20, "字" * 20),
        ("thing", "😀" * 30, "😀" * 19 + "…"),
        ("thing", " \n", "无"),
        ("thing", None, "无"),
        ("thing", TimeRange(AT, UNTIL), "11月24日 14:00~18:00"),
        ("thing", timedelta(hours=3, minutes=58), "3小时58分钟"),
        ("time", AT, "2026年11月24日 14:00"),
        ("time", "14:30", "14:30"),
        ("time", ZONE.local(FOREVER), "9999年1月1日 08:00"),
        ("thing", ZONE.local(FOREVER), "长期"),
        ("time", TimeRange(AT, UNTIL), "2026年11月24日 14:00~2026年11月24日 18:00"),
        ("date", AT, "2026年11月24日 14:00"),
        ("date", "2026-11-24", "2026-11-24"),
        ("number", 2, "2"),
        ("number", "-1.5", "-1.5"),
        ("character_string", "R20261124A012", "R20261124A012"),
        ("character_string", "座位 A-12", "A-12"),
        ("character_string", "座位", "-"),
        ("character_string", timedelta(hours=3, minutes=8), "3h08m"),
        ("phrase", "已预约(新)", "已预约新"),
        ("phrase", "正在使用座位中", "正在使用座"),
        ("phrase", "ok", "无"),
        ("name", "王小明12", "王小明"),
        ("name", "A" * 30, "A" * 20),
        ("name", "王" * 30, "王" * 10),
        ("letter", "a1b2", "ab"),
        ("symbol", "a!?", "!?"),
        ("amount", "¥12.50", "¥12.50"),
        ("phone_number", "+86 010-6739", "+86010-6739"),
        ("car_number", "京A12345学", "京A12345学"),
        ("enum", "成功", "成功"),
    ],
)
def test_a_value_is_formatted_for_its_wechat_type(kind: str, value: object, expected: str) -> None:
    assert format_value(kind, value) == expected
    assert fits(kind, expected)


@pytest.mark.parametrize(
    ("venue", "area", "number", "expected"),
    [
        ("图书馆", "二层中厅", "065", "图书馆2层二层中厅065号"),
        ("图书馆主馆", "社会科学阅览区东侧", "A106", "2层社会科学阅览区东侧A106号"),
        (
            "图书馆主馆",
            "社会科学阅览区东侧靠窗的一带",
            "A106",
            "社会科学阅览区东侧靠窗的一带A106号",
        ),
        ("图书馆", "社" + "会" * 19, "A1060708091B", "…" + "会" * 6 + "A1060708091B号"),
        ("图书馆", "二层中厅", "Gruppenarbeit-001", "…厅Gruppenarbeit-001号"),
        ("图书馆", "二层中厅", "Gruppenarbeit-0001", "…Gruppenarbeit-0001号"),
        ("图书馆", "二层中厅", "Gruppenarbeit-00001", "Gruppenarbeit-00001号"),
        ("图书馆", "二层中厅", "Gruppenarbeit-000001", "Gruppenarbeit-000001"),
        ("图书馆", "A区", "A-1-07", "图书馆2层A区A-1-07号"),
        ("Bücherei", "Lesesaal A", "A-1", "2层Lesesaal A · A-1号"),
    ],
)
def test_a_shortened_place_keeps_the_seat_number(
    venue: str, area: str, number: str, expected: str
) -> None:
    seat = Seat(SeatId("s"), AREA, number, 0, 0)
    hall = Area(AREA, VENUE, area, 2, 0, 1, 1, (seat,), ())
    catalog = Catalog("1", {VENUE: Venue(VENUE, venue)}, {AREA: hall}, {})
    short = catalog.short_label_of(seat.id, LONGEST_THING)
    assert short == expected == format_value("thing", short)
    assert format_value("thing", catalog.short_area_label(hall, LONGEST_THING)).endswith(area[-9:])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("time", "下午两点"),
        ("time", None),
        ("date", "15:00"),
        ("number", "两次"),
        ("number", "1" * 33),
        ("amount", "免费"),
        ("time", AT.replace(tzinfo=None)),
        ("thing", AT.replace(tzinfo=None)),
        ("time", AT.astimezone(UTC)),
        ("thing", TimeRange(AT.astimezone(UTC), UNTIL)),
        ("picture", "x"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused(kind: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"field|local time"):
        format_value(kind, value)


_MOMENTS = st.integers(0, 40_000 * 86_400).map(
    lambda second: ZONE.local(datetime.fromtimestamp(second, UTC))
)
_VALUES = st.one_of(
    st.text(),
    st.text(alphabet="王小明·（）ab 1٣½①-+\n\u200b😀"),
    st.none(),
    st.integers(),
    _MOMENTS,
    st.timedeltas(),
    st.builds(TimeRange, _MOMENTS, st.just(ZONE.local(datetime(2101, 1, 1, tzinfo=UTC)))),
)


KINDS = """thing letter symbol character_string phone_number car_number name phrase enum
    time date number amount"""


@pytest.mark.parametrize("kind", KINDS.split())
@given(value=_VALUES)
def test_every_formatted_value_fits_its_type(kind: str, value: object) -> None:
    try:
        text = format_value(kind, value)
    except ValueError:
        assert kind in ("time", "date", "number", "amount")
    else:
        assert kind == "enum" or fits(kind, text), text


FACTS = {"LEAVE": ["seat", "left_at"], "ENDED": ["seat"]}
GOOD = {
    "template_id": "t1",
    "page": "pages/r",
    "fields": {"thing1": "seat", "time2": "left_at"},
}


def test_templates_are_read_from_text() -> None:
    read = parse_templates(
        '{"LEAVE": {"template_id": "t1", "fields": {"thing1": "seat", "time2": "left_at"}}}', FACTS
    )
    assert read["LEAVE"].fields == {"thing1": "seat", "time2": "left_at"}
    assert read["LEAVE"].page == "" and not read["LEAVE"].long_term


@pytest.mark.parametrize(("kind", "long_term"), [("once", False), ("long", True)])
def test_the_type_of_a_template_tells_whether_its_consent_is_long_term(
    kind: str, long_term: bool
) -> None:
    assert parse_templates({"LEAVE": {**GOOD, "type": kind}}, FACTS)["LEAVE"].long_term is long_term


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{", "must be JSON"),
        ("[]", "must be a JSON object"),
        ({"LEAF": GOOD}, "'LEAF'"),
        ({"LEAVE": 1}, "LEAVE must be a JSON object"),
        ({"LEAVE": {**GOOD, "pages": "x"}}, "'pages'"),
        ({"LEAVE": {**GOOD, "template_id": " "}}, r"LEAVE\.template_id"),
        ({"LEAVE": {**GOOD, "page": "/pages/r"}}, r"LEAVE\.page"),
        ({"LEAVE": {**GOOD, "type": "for ever"}}, r"LEAVE\.type must be once or long"),
        ({"LEAVE": {**GOOD, "type": []}}, r"LEAVE\.type"),
        ({"LEAVE": {**GOOD, "fields": {}}}, "1 to 5"),
        ({"LEAVE": {**GOOD, "fields": {f"thing{n}": "seat" for n in range(6)}}}, "1 to 5"),
        ({"LEAVE": {**GOOD, "fields": {"thnig1": "seat"}}}, "thnig1"),
        ({"LEAVE": {**GOOD, "fields": {"thing": "seat"}}}, "thing"),
        ({"LEAVE": {**GOOD, "fields": {"thing1": "sate"}}}, "available: left_at, seat"),
        ({"LEAVE": GOOD, "ENDED": {**GOOD, "fields": {"thing1": "seat"}}}, "template_id as LEAVE"),
    ],
)
def test_an_invalid_template_is_reported_with_its_place(
    source: str | dict[str, object], says: str
) -> None:
    with pytest.raises(TemplateConfigError, match=says) as raised:
        parse_templates(source, FACTS)
    assert "\n" not in str(raised.value)
