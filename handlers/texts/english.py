"""English for the readers' pages, their scripts and the mini-program, from one catalogue.

Pages are written in Chinese. When the service starts, each Chinese piece of a template or script is
replaced by its English in ``english.json``; values from Python are translated as a page is
rendered. Texts by people, and values of form fields, are printed ``as_written``.
"""

from __future__ import annotations

import json
import re
from calendar import month_abbr
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import cache, lru_cache, partial
from importlib.resources import files
from typing import Any, Final

from handlers.texts.errors import TEXTS
from handlers.texts.errors_english import TEXTS_EN
from handlers.texts.wording import DEFAULT_NAMES

CATALOGUE: Final[Mapping[str, Mapping[str, str]]] = json.loads(
    files("handlers.texts").joinpath("english.json").read_text(encoding="utf-8")
)
"""The catalogue of English texts by their Chinese. ``templates`` and ``scripts`` have pieces of
source code; ``values`` has texts from Python, with facts in braces. ``mini_program`` has texts
that only the mini-program uses; ``mini_program_only`` has, by key, texts whose English in the
mini-program differs from that on the pages."""
CHINESE: Final = re.compile("[\u4e00-\u9fff]")
ENGLISH_NAME: Final = ("en", "English")
CHINESE_NAME: Final = ("zh", "中文")
"""The tag of a language and the language's own name, as the switch between languages shows it."""
_NEAR: Final = {"今天": "Today", "明天": "Tomorrow"}
_WEEKDAYS: Final = "一二三四五六日"
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = month_abbr
"""The English names of months, from index 1; the service runs without a locale."""

_MARKS: Final = str.maketrans(
    {"，": ", ", "、": ", ", "：": ": ", "；": "; ", "。": ". ", "（": " (", "）": ")", "！": "! "}
)

_COMMENT: Final = re.compile(r"\{#.*?#\}", re.DOTALL)
_CODE: Final = re.compile(
    r'(<(?:[^>"{]|"[^"]*"|\{\{.*?\}\}|\{%.*?%\}|\{(?![{%]))*>|\{%.*?%\})', re.DOTALL
)
"""Matches a tag or a statement in a template. The parts between the matches are text to
translate."""
_OPENS: Final = re.compile(r"<(a|b|span|time|form|small)[ >]")
_CLINGS: Final = ("，", "。", "；", "：", "、")
_CLOSES: Final = re.compile(r"</(a|b|span|time|small)>")
_EXPRESSION: Final = re.compile(r"\{\{ (.*?) \}\}", re.DOTALL)
_VALUE: Final = re.compile(r' value="[^"]*"')
_QUOTED: Final = re.compile(r'"([^"]*)"')
_LITERAL: Final = re.compile(
    r"""'([^'\n]*)'|"([^"\n]*)"|`((?:[^`$]|\$(?!\{)|\$\{(?:[^{}`]|`[^`]*`)*\})*)`"""
)
"""Matches a string literal in a script: the text to translate."""
_PLACE: Final = re.compile(r"\{(\w+)\}")


class NoEnglish(LookupError):
    """A Chinese piece of a template or script is missing in the catalogue."""


def template_in_english(source: str, name: str = "") -> str:
    """The template's source in English. ``name``: the template's name, for pieces that this
    template translates in its own way. Raises: NoEnglish."""
    parts, made = _CODE.split(_COMMENT.sub("", source)), []
    for number, part in enumerate(parts):
        if number % 2:
            made.append(_QUOTED.sub(partial(_quoted, name), _VALUE.sub(_as_written, part)))
            continue
        if number and parts[number - 1].startswith("<textarea"):
            made.append(_EXPRESSION.sub(_as_written, part))
            continue
        text = _text(part, name)
        # Chinese has no spaces between words and links.
        if text != part and number + 2 < len(parts) and _OPENS.match(parts[number + 1]):
            joined = text[-1].isspace() or parts[number + 2][:1] in _CLINGS
            text = text if joined else f"{text} "
        if text != part and number and _CLOSES.match(parts[number - 1]) and text[0].isalnum():
            text = f" {text}"
        made.append(text)
    return "".join(made)


def script_in_english(source: str) -> str:
    """The script's source with its Chinese string literals in English. Raises: NoEnglish."""
    translations = CATALOGUE["scripts"]

    def english(literal: re.Match[str]) -> str:
        sign, text = literal[0][0], literal[0][1:-1]
        if not CHINESE.search(text):
            return literal[0].translate(_MARKS)
        for piece in sorted((p for p in translations if p in text), key=len, reverse=True):
            text = text.replace(piece, translations[piece])
        if CHINESE.search(text):
            raise NoEnglish(text)
        return f"{sign}{text}{sign}"

    return "\n".join(
        line if line.lstrip().startswith("//") else _LITERAL.sub(english, line)
        for line in source.split("\n")
    )


def _as_written(field: re.Match[str]) -> str:
    """The ``value`` of a form field, changed to be printed as it is: the form sends it back, so
    it must not be translated."""
    return _EXPRESSION.sub(r"{{ \1 | as_written }}", field[0])


def _text(part: str, name: str) -> str:
    piece = part.strip()
    if not CHINESE.search(piece):
        return part.translate(_MARKS)
    english = _template_piece(piece, name)
    return (part.lstrip() if english[0] in ",.;:" else part).replace(piece, english)


def _quoted(name: str, literal: re.Match[str]) -> str:
    if not CHINESE.search(literal[1]):
        return literal[0].translate(_MARKS)
    return f'"{_template_piece(literal[1], name)}"'


def _template_piece(piece: str, name: str) -> str:
    translations = CATALOGUE["templates"]
    english = translations.get(f"{name}:{piece}") or translations.get(piece)
    if english is None:
        raise NoEnglish(piece)
    return english


# --- texts from Python ----------------------------------------------------------------------------
def day(when: date) -> str:
    """The day as ``9 Mar``."""
    return f"{when.day} {_MONTHS[when.month]}"


def near_day(label: str) -> str:
    """Today or Tomorrow if the Chinese label of a day begins with one of these words; otherwise
    empty."""
    return _NEAR.get(label.split(" ")[0], "")


def value_in_english(value: Any, context: str = "") -> Any:
    """The value in English if it is a Chinese text, otherwise unchanged. ``context`` (``event``
    or ``state``) selects the meaning of an ambiguous word."""
    if type(value) is not str or not CHINESE.search(value):
        return value
    if context and (english := CATALOGUE["values"].get(f"{context}:{value}")) is not None:
        return english
    if value.startswith(("{", "[")):
        return _QUOTED.sub(lambda text: f'"{_spoken(text[1])}"', value)
    return _spoken(value)


@cache
def _exact() -> Mapping[str, str]:
    return {
        **CATALOGUE["mini_program"],
        **{
            zh: en
            for zh, en in CATALOGUE["templates"].items()
            if "{" not in zh and zh not in DEFAULT_NAMES.values()
        },
        **{zh: en for zh, en in CATALOGUE["values"].items() if "{" not in zh},
        **{TEXTS[code]: en for code, en in TEXTS_EN.items() if code in TEXTS},
    }


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Patterns that recognise the Chinese texts with facts filled in, each with its English
    text; the longest text first."""
    texts = {zh: en for zh, en in CATALOGUE["values"].items() if "{" in zh}
    # On pages a duration includes its unit; in the mini-program the unit is part of the text.
    refusals = {TEXTS[code]: en for code, en in TEXTS_EN.items() if "{" in TEXTS.get(code, "")}
    texts |= {zh: en.replace("{retry_after} s", "{retry_after}") for zh, en in refusals.items()}
    return [(_pattern(zh), texts[zh]) for zh in sorted(texts, key=len, reverse=True)]


def _pattern(text: str) -> re.Pattern[str]:
    parts = _PLACE.split(text)
    return re.compile(
        "".join(f"(?P<{p}>.*?)" if n % 2 else re.escape(p) for n, p in enumerate(parts)), re.DOTALL
    )


@lru_cache(8192)
def _spoken(text: str) -> str:
    if not CHINESE.search(text):
        return text
    if (translation := _exact().get(text.strip())) is not None:
        return text.replace(text.strip(), translation)
    for pattern, english in _patterns():
        if (match := pattern.fullmatch(text)) is not None:
            return _PLACE.sub(partial(_fact, match.groupdict()), english)
    short = text
    for usual, say in _USUAL:
        short = usual.sub(say, short)
    # A text by the library is not translated merely because it contains a date.
    return text if CHINESE.search(short) else short.translate(_MARKS)


def sentence(text: str, **facts: str) -> str:
    """The English of the Chinese ``text``. The facts are filled in without being translated."""
    return CATALOGUE["values"][text].format_map(facts)


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _fact(facts: Mapping[str, str], place: re.Match[str]) -> str:
    return _spoken(facts.get(place[1]) or "")


def _count(one: str) -> Callable[[re.Match[str]], str]:
    return lambda match: f"{match[1]} {one}" + ("" if match[1] == "1" else "s")


def _day(match: re.Match[str]) -> str:
    return f"{match[2]} {_MONTHS[int(match[1])]}"


def _weekday_first(match: re.Match[str]) -> str:
    return f"{WEEKDAYS[_WEEKDAYS.index(match[3])]} {_day(match)}"


def _rules() -> Iterator[tuple[str, str | Callable[[re.Match[str]], str]]]:
    yield r"次日(\d\d:\d\d)", r"\1 next day"
    yield r"(\d+)月(\d+)日 周([一二三四五六日])", _weekday_first
    yield r"(\d+)月(\d+)日", _day
    yield r"(?<=周.)至(?=周)", "–"
    yield r"周([一二三四五六日])", lambda match: WEEKDAYS[_WEEKDAYS.index(match[1])]
    yield from _NEAR.items()
    yield "^现在(?=–)", "Now"
    yield "每天", "every day"
    yield "闭馆", "closed"
    yield "全天", "around the clock"
    yield r"约 (?=\d)", "about "
    yield r"([\d.–]+) 小时", r"\1 h"
    yield r"(\d+) 分钟", r"\1 min"
    yield r"(\d+) 秒", r"\1 s"
    yield r"([\d.]+) 天", _count("day")
    yield r"([\d.]+) 年", _count("year")


_USUAL: Final = [(re.compile(rule), say) for rule, say in _rules()]
"""Patterns and their translations for days and durations, wherever they occur in a text."""
