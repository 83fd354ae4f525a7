"""Texts in the languages of the PO files: placeholders, plurals, dates, contexts, templates."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from bson import decode, encode
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from handlers.http.static_files import translated_script
from handlers.http.templates import environment_of
from handlers.http.translated_templates import Translated
from handlers.texts.errors import TEXTS, text_of
from handlers.texts.labels import (
    EVENT_TEXT,
    STATE_TEXT,
    day_choice_text,
    day_text,
    days_text,
    hours_text,
    period_text,
)
from handlers.texts.opening import days_in_words
from handlers.texts.pages import PROPOSAL_TEXT, floor_text
from languages.catalogue import CHINESE, LANGUAGES, read_language
from languages.text import (
    Text,
    _,
    _n,
    _p,
    date_text,
    document_of,
    joined,
    named,
    short_day_text,
    spelled,
)
from languages.text import text_of as restored_text
from models.library.names import Floor
from models.reservations.state_machine import ReservationState
from notify.templates.rendering import span
from scripts.messages import bare
from tests.builders import ZONE, on

ENGLISH = LANGUAGES["en"]
MONDAY = date(2026, 11, 23)
FRIDAY = date(2026, 11, 27)
LATE = ZONE.local(on("22:00"))


@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        (STATE_TEXT[ReservationState.RESERVED], "已预约", "Reserved"),
        (EVENT_TEXT["leave"], "暂离", "Left"),
        (STATE_TEXT[ReservationState.AWAY], "暂离", "Away"),
        (day_choice_text(MONDAY, MONDAY), "今天 11月23日", "Today 23 Nov"),
        (day_choice_text(FRIDAY, MONDAY), "周五 11月27日", "Fri 27 Nov"),
        (day_text(FRIDAY), "11月27日 周五", "Fri 27 Nov"),
        (days_text(frozenset({0, 1, 2, 3, 4})), "周一至周五", "Mon–Fri"),
        (days_text(frozenset({0, 2})), "周一、周三", "Mon, Wed"),
        (days_in_words(MONDAY, FRIDAY), "11月23日至27日", "23 – 27 Nov"),
        (days_in_words(FRIDAY, None), "11月27日起", "from 27 Nov"),
        (hours_text(90), "1.5 小时", "1.5 h"),
        (period_text(timedelta(days=3 * 365)), "3 年", "3 years"),
        (period_text(timedelta(days=1)), "1 天", "1 day"),
        (floor_text(Floor(2)), "二层", "Floor 2"),
        (floor_text(Floor(-1)), "地下一层", "Basement 1"),
        (PROPOSAL_TEXT["later"].format(clock="16:00"), "16:00 起", "from 16:00"),
        (span(LATE, LATE + timedelta(hours=4)), None, "7 Sept 22:00–02:00 next day"),
    ],
)  # fmt: skip
def test_a_text_is_said_in_the_language_of_its_reader(
    text: Text, chinese: str | None, english: str
) -> None:
    assert chinese in (None, text, CHINESE.say(text))
    assert ENGLISH.say(text).replace("\u2009", " ") == english


def test_facts_that_people_wrote_are_not_translated() -> None:
    reason = _("（{reason}）", reason="插座")
    assert (reason, ENGLISH.say(reason)) == ("（插座）", " (插座)")
    assert ENGLISH.say("已预约") == "已预约"
    assert ENGLISH.say(joined([_("闭馆"), "{x}"], "、")) == "Closed, {x}"
    assert type(CHINESE.say(reason)) is str


def test_a_number_takes_its_plural_form() -> None:
    assert [ENGLISH.say(_n("{n} 天", n)) for n in (0, 1, 2)] == ["0 days", "1 day", "2 days"]


def test_a_template_is_translated_when_it_is_compiled() -> None:
    source = (
        '<p title="{{ _("签到") }}">{{ pgettext("own data", "清除") }}{{ text }}'
        "{% trans a=n * 2, n %}第 {{ n }} / {{ a }} 页 100%{% endtrans %}</p>"
    )
    facts: dict[str, Any] = {"n": 2, "text": _("已预约")}
    pages = {
        language.tag: environment_of(language, ZONE).from_string(source).render(facts)
        for language in (CHINESE, ENGLISH)
    }
    assert pages == {
        "zh": '<p title="签到">清除已预约第 2 / 4 页 100%</p>',
        "en": '<p title="Check in">DeleteReserved第 2 / 4 页 100%</p>',
    }


@pytest.mark.parametrize(
    ("kind", "source", "faults"),
    [
        ("jinja2", '<p title="{{ _("签到") }}">{# 说明 #}{{ pgettext("a", "清除") }}</p>', []),
        ("jinja2", "{% trans n %}第 {{ n }} 页{% endtrans %}：{{ _(x) }}页", ["：", "页"]),
        ("jinja2", '{% if a == "签到" %}＋{% endif %}', ["签到"]),
        ("javascript", 'say(_("请稍候 {n}", { n })); // 说明\n// 说明', []),
        ("javascript", 'const url = "https://a/签到", said = `已${done}`;', ["签到", "已"]),
    ],
)
def test_chinese_outside_of_messages_is_a_fault(kind: str, source: str, faults: list[str]) -> None:
    assert bare(source, kind) == faults


def test_a_number_in_a_template_takes_each_plural_form_of_the_language(tmp_path: Path) -> None:
    """The value ``n`` counts. Polish has three forms, Chinese one."""
    file = tmp_path / "pl.po"
    file.write_text(
        'msgid ""\nmsgstr ""\n"Language: pl\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || '
        'n%100>=20) ? 1 : 2);\\n"\n\nmsgid "%(n)s 座"\nmsgid_plural "%(n)s 座"\n'
        'msgstr[0] "%(n)s miejsce"\nmsgstr[1] "%(n)s miejsca"\nmsgstr[2] "%(n)s miejsc"\n'
    )
    source = "{% trans n=seats | length %}{{ n }} 座{% endtrans %}"
    for language, expected in (
        (read_language(file), "1 miejsce, 2 miejsca, 5 miejsc, 22 miejsca"),
        (ENGLISH, "1 seat, 2 seats, 5 seats, 22 seats"),
        (CHINESE, "1 座, 2 座, 5 座, 22 座"),
    ):
        templates = Environment(extensions=[Translated])
        templates.language = language  # type: ignore[attr-defined]
        templates.globals["plural_form"] = language.plural_form
        page = templates.from_string(source)
        assert ", ".join(page.render(seats=range(n)) for n in (1, 2, 5, 22)) == expected


def test_a_script_has_the_messages_of_its_language() -> None:
    source = 'say(_("请稍候"), _("从未说过 {n}", { n }), "请稍候");'
    assert translated_script(source, CHINESE) == source
    assert translated_script(source, ENGLISH) == (
        'say(_("Please wait"), _("从未说过 {n}", { n }), "请稍候");'
    )


def test_every_refusal_is_worded_in_english_with_all_its_facts() -> None:
    details: dict[str, Any] = {
        "retry_after": 30, "field": "start", "state": "in_use", "groups": ["PhD"], "limit": 5,
        "first": "2026-09-07", "last": "2026-09-08", "most": 5, "opens_at": LATE,
        "from": LATE, "until": LATE, "violations": 3, "days": 30,
        "reason": "x", "open": "07:00", "close": "22:30", "max_minutes": 240, "min_minutes": 10,
        "last_date": "2026-09-08", "method": "kiosk", "template": "X", "zone": "Asia/Shanghai",
        "campus_app": "X",
    }  # fmt: skip
    for code in TEXTS:
        for facts in (details, {"reason": "x"}):
            said = ENGLISH.say(text_of(code, facts))
            assert said.isascii() or not any("\u4e00" <= c <= "\u9fff" for c in said), (code, said)
            assert "{" not in said and " s s" not in said, said


PLAIN = st.one_of(st.text(max_size=4), st.sampled_from(["{n}", "A区", "Lesesaal A"]))
DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))
ANY_TEXT = st.recursive(
    st.one_of(
        st.sampled_from([_("已预约"), _p("leave", "暂离"), _("从未说过")]),
        st.integers(-3, 2**40).map(lambda n: _n("{n} 天", n)),
        DAYS.map(short_day_text),
        st.tuples(DAYS, DAYS).map(lambda days: date_text("?", "MMMd", min(days), max(days))),
        st.builds(named, PLAIN, st.dictionaries(st.sampled_from(["en", "de"]), PLAIN)),
    ),
    lambda parts: st.one_of(
        st.lists(parts | PLAIN, max_size=3).map(lambda all: joined(all, "、")),
        (parts | PLAIN).map(lambda reason: _("（{reason}）", reason=reason)),
        st.builds(
            lambda chinese, a, b: spelled(chinese, "{floor} {area}", floor=a, area=b),
            PLAIN,
            parts,
            PLAIN | st.floats(0, 9),
        ),
    ),
    max_leaves=8,
)


@given(ANY_TEXT)
def test_a_stored_text_is_said_as_before(text: Text) -> None:
    document = document_of(text)
    for stored in (decode(encode({"text": document}))["text"], json.loads(json.dumps(document))):
        restored = restored_text(str(text), stored)
        assert (restored, type(restored)) == (text, type(text))
        for language in (CHINESE, ENGLISH):
            assert language.say(restored) == language.say(text)
