"""English translations: complete, without unused entries, and with the same placeholders."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from jinja2 import Environment
from markupsafe import escape

from handlers.http.language import Language
from handlers.http.static_files import READERS_SCRIPTS
from handlers.http.templates import environment_of, has_english
from handlers.texts.console_labels import POLICY_TIME_TEXT, SWITCH_TEXT
from handlers.texts.english import (
    CATALOGUE,
    CHINESE,
    NoEnglish,
    script_in_english,
    template_in_english,
    value_in_english,
)
from handlers.texts.errors import TEXTS, text_of
from handlers.texts.errors_english import TEXTS_EN
from handlers.texts.labels import NUMBER_TEXT
from handlers.texts.rules_phrases import CHECK_IN_BY_EN, NUMBERS_EN, SWITCHES_EN, TIMES_EN
from handlers.texts.wording import FILLING, FILLING_EN
from models.library.entities import CheckInWay
from tests.builders import on

HANDLERS: Final = Path(__file__).parents[2] / "handlers"
PAGES: Final = sorted(
    name
    for path in (HANDLERS / "templates").rglob("*.html")
    if has_english(name := str(path.relative_to(HANDLERS / "templates")))
)
_PLACE: Final = re.compile(r"\{\{.*?\}\}|\$\{[^}]*\}|\{\w*\}", re.DOTALL)
_COMMENT: Final = re.compile(r"//.*")


def source(folder: str, name: str) -> str:
    return (HANDLERS / folder / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_translated_and_compiles_in_both_languages(name: str) -> None:
    for language in Language:
        environment_of(language).get_template(name)
    assert not CHINESE.search(template_in_english(source("templates", name), name))


@pytest.mark.parametrize("name", READERS_SCRIPTS)
def test_every_readers_script_is_translated(name: str) -> None:
    assert not CHINESE.search(_COMMENT.sub("", script_in_english(source("static", name))))


def test_untranslated_scripts_of_readers_pages_have_no_chinese() -> None:
    """Scripts of the console, the kiosks and the hall display are Chinese."""
    pages = "".join(source("templates", name) for name in PAGES)
    for name in set(re.findall(r"asset\('(\w+\.js)'\)", pages)) - set(READERS_SCRIPTS):
        assert not CHINESE.search(_COMMENT.sub("", source("static", name))), name


def test_a_missing_translation_raises_no_english() -> None:
    with pytest.raises(NoEnglish, match="从未说过"):
        template_in_english("<p>从未说过</p>")
    with pytest.raises(NoEnglish, match="从未说过"):
        script_in_english('say("从未说过");')


def test_every_catalogue_entry_is_used() -> None:
    pages = "\n".join(source("templates", name) for name in PAGES)
    scripts = "\n".join(source("static", name) for name in READERS_SCRIPTS)
    python = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in (HANDLERS, HANDLERS.parent / "notify", HANDLERS.parent / "models")
        for path in folder.rglob("*.py")
    )
    for piece in CATALOGUE["templates"]:
        assert piece.rpartition(".html:")[2] in pages, piece
    for piece in CATALOGUE["scripts"]:
        assert piece in scripts, piece
    for text in CATALOGUE["values"]:
        parts = re.split(r"\{\w+\}", text.rpartition(":")[2])
        # What a longer text is put together of stands there in parts.
        assert all(part in python for part in parts) or any(
            len(part) > 1 and part[:2] in python for part in parts
        ), text


@pytest.mark.parametrize("section", sorted(CATALOGUE))
def test_translations_keep_their_placeholders(section: str) -> None:
    for chinese, english in CATALOGUE[section].items():
        assert english == english.strip(" ") or section in ("scripts", "mini_program"), english
        # The mini-program names what stands on the page in both languages' first one.
        assert not CHINESE.search(_PLACE.sub("", english)) or section == "mini_program", english
        if section == "values":
            assert set(_PLACE.findall(chinese)) >= set(_PLACE.findall(english)), chinese


@pytest.mark.parametrize(
    ("said", "english"),
    [
        ("已预约", "Reserved"),
        ("已预约·待确认", "Reserved, please confirm"),
        ("今天 11月27日", "Today 27 Nov"),
        ("11月27日 周五", "Fri 27 Nov"),
        ("次日02:00", "02:00 next day"),
        ("4 小时", "4 h"),
        ("1.5 小时", "1.5 h"),
        ("3 年", "3 years"),
        ("离您常坐的 029 号最近", "nearest to your usual no. 029"),
        ("该区域一次最多 240 分钟，请缩短时间", "At most 240 minutes at a time in this area"),
        ('{"free": "当前无人", "n": 1}', '{"free": "Free", "n": 1}'),
        # What the library has called so itself, and what people have written.
        ("二层东区", "二层东区"),
        ("图书馆", "图书馆"),
        ("10月23日（周五）布展", "10月23日（周五）布展"),
        ("plain", "plain"),
        (7, 7),
    ],
)
def test_values_formatted_in_python_are_translated(said: object, english: object) -> None:
    assert value_in_english(said) == english


def test_every_policy_value_has_a_text_in_both_languages() -> None:
    assert NUMBERS_EN.keys() == NUMBER_TEXT.keys()
    assert SWITCHES_EN.keys() == SWITCH_TEXT.keys()
    assert TIMES_EN.keys() == POLICY_TIME_TEXT.keys()
    assert CHECK_IN_BY_EN.keys() == set(CheckInWay)
    assert FILLING_EN.keys() == FILLING.keys() - {"by_kiosk"}


def test_a_word_with_two_meanings_is_translated_by_context() -> None:
    assert value_in_english("暂离", "event") == "Left"
    assert value_in_english("暂离", "state") == "Away"
    assert value_in_english("暂离") == "Step out"


def test_every_refusal_has_an_english_text() -> None:
    """The pages' refusals include lengths with units and an end that was never set."""
    details: dict[str, Any] = {
        "retry_after": 30, "field": "start", "state": "in_use", "groups": ["研究生"], "limit": 5,
        "first": "2026-09-07", "last": "2026-09-08", "most": 5, "opens_at": on("20:00"),
        "from": on("13:30"), "until": on("14:30"), "violations": 3, "days": 30,
        "reason": "x", "open": "07:00", "close": "22:30", "max_minutes": 240, "min_minutes": 10,
        "last_date": "2026-09-08", "method": "kiosk", "template": "X", "zone": "Asia/Shanghai",
        "campus_app": "X",
    }  # fmt: skip
    for code in TEXTS_EN:
        if code in TEXTS:
            said = value_in_english(text_of(code, details))
            assert not CHINESE.search(said.replace("研究生", "")), (code, said)
            assert " s s" not in said and "min s" not in said, said
    forever = value_in_english(text_of("suspended", {"reason": "x"}))
    assert not CHINESE.search(forever), forever


def test_text_typed_by_people_is_not_translated() -> None:
    """A field's value, the text of a form, and output printed unchanged."""
    page = Environment(autoescape=True, finalize=value_in_english)
    page.filters["as_written"] = escape
    source = (
        '<input value="{{ a }}"><textarea name="t" rows="2">{{ a }}</textarea>'
        "<p>{{ a | as_written }}</p><p>{{ a }}</p>"
    )
    made = page.from_string(template_in_english(source)).render(a="插座")
    assert made == (
        '<input value="插座"><textarea name="t" rows="2">插座</textarea><p>插座</p><p>Socket</p>'
    )
