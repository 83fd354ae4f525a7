"""English beside Chinese: one catalogue for the readers' pages, their scripts and the mini-program.

The pages are written in Chinese. What they are in English is made of them when the service starts:
each piece of Chinese in a template or a script is replaced as a whole by what the catalogue
(``english.json``) says, with the same expressions in it. What Python puts into a page is looked up
as it is put in. What people have written is printed ``as_written``, and so is the value of a field,
which comes back.
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
"""``templates`` and ``scripts``: pieces of their source; ``values``: what Python says, with places
in braces; ``mini_program``: what it alone says, and ``mini_program_only`` by its keys, where the
same Chinese is something else there."""
CHINESE: Final = re.compile("[\u4e00-\u9fff]")
ENGLISH_NAME: Final = ("en", "English")
CHINESE_NAME: Final = ("zh", "中文")
"""The tag of a language, and what those who speak it call it."""
_NEAR: Final = {"今天": "Today", "明天": "Tomorrow"}
_WEEKDAYS: Final = "一二三四五六日"
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = month_abbr
"""1 is Jan: the process runs without a locale."""
_DIGITS: Final = "零一二三四五六七八九"

_MARKS: Final = str.maketrans(
    {"，": ", ", "、": ", ", "：": ": ", "；": "; ", "。": ". ", "（": " (", "）": ")", "！": "! "}
)

_COMMENT: Final = re.compile(r"\{#.*?#\}", re.DOTALL)
_CODE: Final = re.compile(
    r'(<(?:[^>"{]|"[^"]*"|\{\{.*?\}\}|\{%.*?%\}|\{(?![{%]))*>|\{%.*?%\})', re.DOTALL
)
"""A tag or a statement of a template; what lies between them is text."""
_OPENS: Final = re.compile(r"<(a|b|span|time|form|small)[ >]")
_CLINGS: Final = ("，", "。", "；", "：", "、")
_CLOSES: Final = re.compile(r"</(a|b|span|time|small)>")
_EXPRESSION: Final = re.compile(r"\{\{ (.*?) \}\}", re.DOTALL)
_VALUE: Final = re.compile(r' value="[^"]*"')
_QUOTED: Final = re.compile(r'"([^"]*)"')
_LITERAL: Final = re.compile(
    r"""'([^'\n]*)'|"([^"\n]*)"|`((?:[^`$]|\$(?!\{)|\$\{(?:[^{}`]|`[^`]*`)*\})*)`"""
)
"""A string of a script."""
_PLACE: Final = re.compile(r"\{(\w+)\}")


class NoEnglish(LookupError):
    """The catalogue does not know that piece."""


def template_in_english(source: str, name: str = "") -> str:
    """The template's source. ``name`` is the template's, where a piece means something else in it.
    Raises: NoEnglish."""
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
    """The script's source. Raises: NoEnglish."""
    known = CATALOGUE["scripts"]

    def english(found: re.Match[str]) -> str:
        sign, text = found[0][0], found[0][1:-1]
        if not CHINESE.search(text):
            return found[0].translate(_MARKS)
        for piece in sorted((p for p in known if p in text), key=len, reverse=True):
            text = text.replace(piece, known[piece])
        if CHINESE.search(text):
            raise NoEnglish(text)
        return f"{sign}{text}{sign}"

    return "\n".join(
        line if line.lstrip().startswith("//") else _LITERAL.sub(english, line)
        for line in source.split("\n")
    )


def _as_written(found: re.Match[str]) -> str:
    """What a field holds is sent back as it is."""
    return _EXPRESSION.sub(r"{{ \1 | as_written }}", found[0])


def _text(part: str, name: str) -> str:
    piece = part.strip()
    if not CHINESE.search(piece):
        return part.translate(_MARKS)
    english = _template_piece(piece, name)
    return (part.lstrip() if english[0] in ",.;:" else part).replace(piece, english)


def _quoted(name: str, found: re.Match[str]) -> str:
    if not CHINESE.search(found[1]):
        return found[0].translate(_MARKS)
    return f'"{_template_piece(found[1], name)}"'


def _template_piece(piece: str, name: str) -> str:
    known = CATALOGUE["templates"]
    english = known.get(f"{name}:{piece}") or known.get(piece)
    if english is None:
        raise NoEnglish(piece)
    return english


# --- what Python says -----------------------------------------------------------------------------
def day(when: date) -> str:
    """As ``9 Mar``."""
    return f"{when.day} {_MONTHS[when.month]}"


def near_day(label: str) -> str:
    """Today or Tomorrow, of a day's label; empty for a later one."""
    return _NEAR.get(label.split(" ")[0], "")


def value_in_english(value: Any, context: str = "") -> Any:
    """What a template prints, in English where that is known. ``context`` is what it stands for
    where the same word has more than one meaning (``event``, ``state``)."""
    if type(value) is not str or not CHINESE.search(value):
        return value
    if context and (found := CATALOGUE["values"].get(f"{context}:{value}")) is not None:
        return found
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
    """Of texts with places, the longest first."""
    texts = {zh: en for zh, en in CATALOGUE["values"].items() if "{" in zh}
    # A length of time has its unit in the words of a page; the mini-program gives it.
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
    if (found := _exact().get(text.strip())) is not None:
        return text.replace(text.strip(), found)
    for pattern, english in _patterns():
        if (match := pattern.fullmatch(text)) is not None:
            return _PLACE.sub(partial(_fact, match.groupdict()), english)
    short = text
    for usual, say in _USUAL:
        short = usual.sub(say, short)
    # A text of the library's own that only has a date in it stays whole.
    return text if CHINESE.search(short) else short.translate(_MARKS)


def sentence(text: str, **facts: str) -> str:
    """The catalogue's English of a text with places, which hold these facts as they are."""
    return CATALOGUE["values"][text].format_map(facts)


def place(venue: str, floor: int, area: str, no: str) -> str:
    """Where a seat is; empty for one of another library, of which nothing is known."""
    return f"{venue}, {_floor_name(floor)}, {area}, no. {no}" if venue else ""


def area_place(floor: int, name: str) -> str:
    """Where an area is; most names of a Chinese library say the floor already."""
    return name if "层" in name else f"{_floor_name(floor)}, {name}"


def _floor_name(floor: int) -> str:
    return f"Basement {-floor}" if floor < 0 else f"Floor {floor}"


def _fact(facts: Mapping[str, str], place: re.Match[str]) -> str:
    return _spoken(facts.get(place[1]) or "")


def _count(one: str) -> Callable[[re.Match[str]], str]:
    return lambda found: f"{found[1]} {one}" + ("" if found[1] == "1" else "s")


def _floor(found: re.Match[str]) -> str:
    number = found["floor"]
    number = str(_DIGITS.index(number)) if number in _DIGITS else number
    return f"{'Basement' if found['below'] else 'Floor'} {number}"


def _day(found: re.Match[str]) -> str:
    return f"{found[2]} {_MONTHS[int(found[1])]}"


def _weekday_first(found: re.Match[str]) -> str:
    return f"{WEEKDAYS[_WEEKDAYS.index(found[3])]} {_day(found)}"


def _rules() -> Iterator[tuple[str, str | Callable[[re.Match[str]], str]]]:
    yield r"^(?P<below>地下)?(?P<floor>[零一二三四五六七八九]|\d+)层$", _floor
    yield r"次日(\d\d:\d\d)", r"\1 next day"
    yield r"(\d+)月(\d+)日 周([一二三四五六日])", _weekday_first
    yield r"(\d+)月(\d+)日", _day
    yield r"(?<=周.)至(?=周)", "–"
    yield r"周([一二三四五六日])", lambda found: WEEKDAYS[_WEEKDAYS.index(found[1])]
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
"""Days, lengths and floors in any text."""
