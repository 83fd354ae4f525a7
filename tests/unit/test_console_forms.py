"""Forms of the console: parsing of their fields, and reasons of refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time
from functools import partial
from types import SimpleNamespace
from typing import Annotated, Any, cast

import msgspec
import pytest
from aiohttp import web
from msgspec import Meta
from multidict import MultiDict, MultiDictProxy

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason
from handlers.policy.console import opening_form, policy_form, policy_override_form
from handlers.staff.forms import Lines, clock_of, decode
from handlers.staff.routes import console_routes
from handlers.staff.sent_forms import FIELD_OF
from handlers.texts.console import FIELD_WRONG
from handlers.texts.errors import TEXTS
from handlers.texts.policy import VALUES
from models.identity.roles import Role
from models.kernel.errors import Malformed, NotFound
from models.library.entities import Area, Catalog, Venue, VenueId
from models.policy.entities import DATE_OVERRIDABLE, OpeningRule, Policy
from tests.builders import AREA, MONDAY, TOMORROW, VENUE, ZONE, on

CATALOG = Catalog(
    "1", {VENUE: Venue(VENUE, "图书馆")}, {AREA: Area(AREA, VENUE, "中厅", 2, 0, 1, 1, (), ())}, {}
)
POLICY = Policy(opening=(OpeningRule(time(7), time(22, 30)),))


class Visit:
    """The parts of a request that form readers use: time, catalog and policy."""

    now, zone = on("08:00"), ZONE
    catalog, policy = CATALOG, POLICY

    def __getitem__(self, _: web.AppKey[Any]) -> SimpleNamespace:
        return SimpleNamespace(catalog=self.catalog, policy=self.policy)


def form(**fields: str) -> Form:
    return MultiDictProxy(MultiDict[str | bytes](fields))


def reason_of(read: Callable[[], object]) -> str:
    """The reason for which the form is refused; 404 if it refers to something missing."""
    try:
        read()
    except NotFound:
        return "404"
    except Malformed as error:
        return str(error.details["reason"])
    return ""


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("国庆　闭馆👨‍👩‍👧", True),
        ("x" * 200, True),
        ("x" * 201, False),
        ("", False),
        (" \n ", False),
        ("a\nb", False),
        ("a\x00b", False),
        ("a\u202eb", False),
    ],
)
def test_a_reason_must_be_one_printable_line(text: str, taken: bool) -> None:
    assert (reason_of(partial(form_reason, form(reason=text))) == "") is taken


@pytest.mark.parametrize(
    ("text", "clock"),
    [("00:00", time(0)), ("23:59", time(23, 59))]
    + [
        (wrong, None)
        for wrong in ("", "9", "9:00", "24:00", "25:00", "08:60", "08:00:00.5", "٠٩:٠٠")
    ],
)
def test_a_clock_time_must_have_four_digits(text: str, clock: time | None) -> None:
    if clock is not None:
        assert clock_of(text, "start") == clock
    else:
        words = "不是时间" if text else "请填写时间"
        assert words in reason_of(partial(clock_of, text, "start"))


class Sample(msgspec.Struct):
    """A form with a field of each kind."""

    name: Annotated[str, Meta(min_length=1, max_length=3)]
    day: date
    at: datetime | None = None
    clock: time | None = None
    number: Annotated[int, Meta(ge=1, le=240)] | None = None
    text: Annotated[Lines, Meta(max_length=9)] = ""
    event: frozenset[Role] = frozenset()
    on: bool = False


RIGHT = {"name": "国庆", "day": "2026-09-07"}


def test_a_form_is_decoded_into_its_struct() -> None:
    assert decode(ZONE, form(**RIGHT), Sample) == Sample("国庆", MONDAY)
    empty = dict.fromkeys(("at", "clock", "number", "text", "event", "on", "unknown"), "")
    assert decode(ZONE, form(**RIGHT, **empty), Sample) == Sample("国庆", MONDAY)
    pairs = [
        *{"at": "2026-09-07T08:00", "clock": "09:30", "number": "007", "on": "1"}.items(),
        *{"text": "a\r\nb\tc", "event": "viewer"}.items(),
        ("event", "librarian"),
    ]
    whole = MultiDictProxy(MultiDict[str | bytes]([*RIGHT.items(), *pairs]))
    roles = frozenset({Role.VIEWER, Role.LIBRARIAN})
    assert decode(ZONE, whole, Sample) == Sample(
        "国庆", MONDAY, on("08:00"), time(9, 30), 7, "a\nb\tc", roles, on=True
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "名称为 1–3 字"),
        ({"name": "xxxx"}, "名称为 1–3 字"),
        ({"name": "a\u202eb"}, "名称为 1–3 字"),
        ({"name": "a\nb"}, "名称为 1–3 字"),
        *(({"day": text}, "请填写日期") for text in ("", "soon", "2026-02-30", "2026-9-7", "null")),
        ({"at": "x"}, "请填写日期和时间"),
        ({"at": "2026-09-07"}, "请填写日期和时间"),
        *(({"at": f"{year}-01-01T00:00"}, "日期应在") for year in ("1999", "2100", "0001")),
        ({"clock": "9:00"}, "不是时间"),
        *(({"number": text}, "重新打开") for text in ("0", "241", "1e2", "1.0", "٩", "9" * 5000)),
        ({"text": "a\x00b"}, "正文为"),
        ({"text": "x" * 10}, "正文为"),
        ({"event": "party"}, "至少一种"),
    ],
)
def test_an_invalid_field_is_named_with_a_reason(wrong: dict[str, str], words: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode(ZONE, form(**RIGHT | wrong), Sample)
    assert refused.value.details["field"] == next(iter(wrong))
    assert words in str(refused.value.details["reason"])


def shapes() -> Iterator[type[msgspec.Struct]]:
    """The shapes of the console's forms."""
    structs: list[type[msgspec.Struct]] = [msgspec.Struct]
    while structs:
        for shape in structs.pop().__subclasses__():
            structs.append(shape)
            if ".console" in shape.__module__ or shape.__module__.startswith("handlers.staff."):
                yield shape


def test_field_messages_refer_to_existing_fields_and_errors() -> None:
    fields = {name for shape in shapes() for name in shape.__struct_fields__}
    own = {f"{shape.__name__}.{name}" for shape in shapes() for name in shape.__struct_fields__}
    assert (
        console_routes()
        and {"name", "note"} <= fields
        and FIELD_WRONG.keys() - fields - own == set()
    )
    assert FIELD_OF.keys() - TEXTS.keys() == set()


# --- opening hours --------------------------------------------------------------------------------
DATED = dict.fromkeys(opening_form.FIELDS, "") | {
    **{"operation": "add", "kind": "closed", "first": TOMORROW.isoformat(), "reason": "消防检修"},
}
WEEK = dict.fromkeys(opening_form.FIELDS, "") | {"operation": "week"}
WEEK |= {f"{name}{n}": text for n in range(7) for name, text in (
    ("day", "open"), ("opens", "07:00"), ("closes", "22:30")
)}  # fmt: skip
OPEN = {"kind": "open", "opens": "09:00", "closes": "17:00"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (DATED, ""),
        (DATED | {"first": ""}, "请填写日期"),
        (DATED | {"first": "2026-02-30"}, "请填写日期"),
        (DATED | {"first": "2026-09-06"}, "从今天起两年以内"),
        (DATED | {"first": "2026-09-10", "last": "2026-09-09"}, "从今天起两年以内"),
        (DATED | {"first": "2026-09-10", "last": "2036-09-10"}, "从今天起两年以内"),
        (DATED | {"kind": "party"}, "请选择闭馆或开放时间"),
        (DATED | {"reason": ""}, "请写明闭馆原因"),
        (DATED | {"reason": "x" * 50}, ""),
        (DATED | {"reason": "x" * 51}, "原因最多 50 字"),
        (DATED | {"place": "a:nowhere"}, "请选择范围"),
        (DATED | {"place": "2f-hall"}, "请选择范围"),
        (DATED | {"place": "v:"}, "请选择范围"),
        (DATED | OPEN | {"reason": ""}, ""),
        (DATED | OPEN | {"closes": ""}, "请填写时间"),
        (DATED | OPEN | {"opens": "09:10"}, "以半小时为单位"),
        (DATED | OPEN | {"opens": "08:00:00.5"}, "不是时间"),
        (DATED | OPEN | {"independent": "on"}, "只用于单个区域"),
        (DATED | OPEN | {"independent": "on", "place": f"a:{AREA}"}, ""),
        (DATED | {"operation": "else"}, "404"),
        (WEEK, "没有需要保存的更改"),
        (WEEK | {"closes2": "22:00"}, ""),
        (WEEK | {"closes2": ""}, "周三：请填写时间"),
        (WEEK | {"opens6": "07:10"}, "周日：时间以半小时为单位"),
        (WEEK | {"day0": ""}, "请选择闭馆或开放时间"),
        (WEEK | {"independent": "on"}, "只用于单个区域"),
        (WEEK | {"at": "a:nowhere", "opens0": "08:00"}, "请选择范围"),
        *(
            (DATED | {"operation": "remove", "number": number}, "404")
            for number in ("0", "7", "x", "-1", "", "٠", "9" * 5000)
        ),
    ],
)
def test_an_opening_hours_form_is_read_or_refused_with_a_reason(
    fields: dict[str, str], words: str
) -> None:
    read = reason_of(partial(opening_form.read_change, cast(PageRequest, Visit()), fields))
    assert words in read and bool(words) is bool(read)


# --- the rules' numbers ---------------------------------------------------------------------------
NUMBERS = policy_form.fields_of(POLICY) | {"operation": "numbers"}
DAYS = {"first": TOMORROW.isoformat(), "last": TOMORROW.isoformat()}
SET = {"operation": "add", "name": "考试周", "set.max_minutes": "120", **DAYS}
DAILY = {"set.daily_booking_limit": "1"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (NUMBERS | {"max_minutes": "120"}, ""),
        (NUMBERS | {"max_minutes": "0"}, "单次最长时长应为"),
        (NUMBERS | {"max_minutes": "x"}, "单次最长时长应为"),
        (NUMBERS | {"max_minutes": "٩٠"}, "单次最长时长应为"),
        (NUMBERS | {f"max_minutes@{AREA}": "99999"}, "单次最长时长应为"),
        (NUMBERS | {"min_minutes": "300"}, "单次最短时长不能超过"),
        (
            NUMBERS | {f"max_minutes@{AREA}": "60", f"min_minutes@{AREA}": "61"},
            "单次最短时长不能超过",
        ),
        (NUMBERS | {"step_minutes": "45"}, "半小时的整数倍"),
        (NUMBERS | {"booking_opens_at": "25:00"}, "不是时间"),
        (NUMBERS | {"meal_times": "11:00–13:00，23:30-00:30"}, ""),
        (NUMBERS | {"meal_times": "13:00-11:00"}, "不是一段时间"),
        (NUMBERS | {"meal_times": "11:00"}, "不是一段时间"),
        (NUMBERS | {"meal_times": "1-2"}, "不是时间"),
        (NUMBERS | {"operation": "else"}, "404"),
        (SET, ""),
        (SET | {"name": ""}, "名称为"),
        (SET | {"name": "x" * 21}, "名称为"),
        (SET | {"first": "x"}, "请填写日期"),
        (SET | {"first": "2026-09-06", "last": "2026-09-06"}, "从今天起"),
        (SET | {"last": MONDAY.isoformat()}, "从今天起"),
        (SET | {"place": "a:nowhere"}, "请选择范围"),
        (SET | {"place": "v:nowhere"}, "请选择范围"),
        (SET | {"place": f"v:{VENUE}", "set.booking_window_days": "9"}, ""),
        (SET | DAILY | {"place": f"v:{VENUE}"}, "每人每天预约只能对全馆规定"),
        (SET | {"set.max_minutes": ""}, "至少填写一个"),
        (SET | DAILY | {"place": f"a:{AREA}"}, "每人每天预约只能对全馆规定"),
        (SET | {"place": f"a:{AREA}", "set.max_extensions": "9"}, "最多续约只能对全馆或场馆规定"),
        (SET | {"set.max_minutes": "30", "set.min_minutes": "60"}, "单次最短时长不能超过"),
        (SET | {"set.min_minutes": "300", "set.max_minutes": ""}, "单次最短时长不能超过"),
        *(({"operation": "remove", "number": n}, "404") for n in ("0", "x", "-1", "")),
    ],
)
def test_a_policy_form_is_read_or_refused_with_a_reason(fields: dict[str, str], words: str) -> None:
    read = reason_of(partial(policy_override_form.read_change, cast(PageRequest, Visit()), fields))
    assert words in read and bool(words) is bool(read)


def test_every_changed_policy_value_is_listed_in_words() -> None:
    assert set(VALUES) == DATE_OVERRIDABLE, "a value without words would change unseen"
    fields = NUMBERS | {"booking_opens_at": "07:00", "meal_times": "", "opening_draw": "on"}
    fields |= {"leave_minutes": "20", f"max_minutes@{AREA}": "60"}
    change = policy_override_form.read_change(cast(PageRequest, Visit()), fields)
    assert change.summary == [
        "暂离：30 分钟 → 20 分钟",
        "放号瞬间抽签定先后：否 → 是",
        "放号时间：不限 → 07:00",
        "用餐时间：11:00-13:00，17:00-19:00 → 无",
        "2层 中厅 单次最长时长：同全馆 → 60 分钟",
    ]


def test_a_venues_own_values_are_kept_changed_and_removed_by_the_form() -> None:
    branch = VenueId("law")
    values = {
        "max_minutes": 480,
        "accessible_only": False,
        "booking_opens_at": None,
        "meal_times": ((time(12), time(13)),),
    }
    visit = Visit()
    visit.catalog = replace(
        CATALOG, venues={**CATALOG.venues, branch: Venue(branch, "Juridicum", order=1)}
    )
    visit.policy = replace(POLICY, venues={branch: values})
    sent = policy_form.fields_of(visit.policy) | {"operation": "numbers"}
    kept = policy_override_form.read_change(cast(PageRequest, visit), sent)
    assert (kept.summary, kept.policy.venues) == ([], {branch: values})
    sent |= {"set.max_minutes@law": "", "none.meal_times@law": "on", "set.leave_minutes@law": "9"}
    sent |= {"set.accessible_only@law": "yes", "set.daily_booking_limit@law": "1"}
    changed = policy_override_form.read_change(cast(PageRequest, visit), sent)
    assert changed.summary == [
        "Juridicum 单次最长时长：480 分钟 → 同全馆",
        "Juridicum 暂离：同全馆 → 9 分钟",
        "Juridicum 无障碍座位只供登记的读者：否 → 是",
        "Juridicum 用餐时间：12:00-13:00 → 无",
    ]
    # A venue that is retired meanwhile keeps its values, and nobody is asked for them.
    retired = replace(visit.catalog.venues[branch], retired=True)
    visit.catalog = replace(visit.catalog, venues={**CATALOG.venues, branch: retired})
    unasked = policy_override_form.read_change(cast(PageRequest, visit), NUMBERS)
    assert (unasked.summary, unasked.policy.venues) == ([], {branch: values})
