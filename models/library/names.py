"""Names in several languages, and labels of seats and areas, put together for each language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Protocol

from languages.catalogue import CHINESE, LANGUAGES
from languages.text import Language, NameText, _, _p
from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line

Names = Mapping[str, str]
"""Names in further languages by language tag, such as en or zh-Hant."""
HAN: Final = "\u2e80"
"""The first character of the Unicode blocks of Chinese; European letters come before it."""
_TAG: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_MOST_NAMES: Final = 20
_NUMERALS: Final = "一二三四五六七八九十"
_OTHERS: Final = {tag: other for tag, other in LANGUAGES.items() if other is not CHINESE}


class Named(Protocol):
    """A venue, floor, area, kiosk or feature of seats. `name` is its first name, which stands
    where `names` has none in a language."""

    @property
    def name(self) -> str: ...
    @property
    def names(self) -> Names: ...


def name_in(place: Named, language: str) -> str:
    """The name in the language; a name in en serves en-GB, too."""
    if not place.names:
        return place.name
    named = place.names.get(language) or place.names.get(language.partition("-")[0])
    return named or place.name


def is_language_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def names_text(names: Names) -> str:
    """The names in one line, for the audit log and to compare: en Main Library; zh 总馆."""
    return "; ".join(f"{tag} {names[tag]}" for tag in sorted(names))


def check_names(field: str, names: Names, longest: int) -> None:
    """Raises: Malformed at ``field`` for a wrong language tag or a name that is no line of 1 to
    ``longest`` characters."""
    if len(names) > _MOST_NAMES:
        raise Malformed(field, "too_many_names", most=_MOST_NAMES)
    for tag, name in names.items():
        if not is_language_tag(tag):
            raise Malformed(field, "language_tag", tag=tag[:20])
        if not 0 < len(name) <= longest or not is_printable_line(name):
            raise Malformed(field, "name_length", most=longest)


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor of a venue. `name`: its own name (EG, 二层), or empty for the usual one."""

    number: int
    name: str = ""
    names: Names = field(default_factory=dict, hash=False)


def check_floors(floors: Sequence[Floor], longest: int) -> None:
    """Raises: Malformed for a floor that is there twice, or a wrong name."""
    if len({floor.number for floor in floors}) < len(floors):
        raise Malformed("floors", "floor_twice")
    for floor in floors:
        if len(floor.name) > longest or not is_printable_line(floor.name):
            raise Malformed("floors", "name_length", most=longest)
        check_names("floors", floor.names, longest)


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of labels in one language. `digits`: around a seat's name of digits only;
    `seat`: around any other one. `between`: separates the parts; if it is empty, a dot does
    wherever two parts would run together."""

    floor: str
    basement: str
    digits: str
    seat: str
    between: str


@cache
def _words(language: Language) -> _Words:
    return _Words(
        language.translation(_("{number}层")),
        language.translation(_("地下{number}层")),
        language.translation(_p("digits in a label", "{no}号"), "digits in a label"),
        language.translation(_p("letters in a label", "{no}号"), "letters in a label"),
        "" if language is CHINESE else " · ",
    )


Part = Floor | Named | str
"""A part of a label: a venue, a floor, an area, or the number of a seat."""


class PlaceText(NameText):
    """A label of a seat or an area. It is put together anew for each language; a stored one has
    the labels of the languages that there were."""

    __slots__ = ("_labels", "is_name", "parts")
    parts: Sequence[Part]
    is_name: bool
    _labels: dict[str, str]

    @property
    def facts(self) -> dict[str, Any]:  # type: ignore[override]
        if not self._labels:
            self._labels = {tag: self.into(other) for tag, other in _OTHERS.items()}
        return self._labels

    def into(self, language: Language) -> str:
        return _label(self.parts, language, self.is_name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _text, (self.parts, self.is_name)


def label_text(*parts: Part) -> PlaceText:
    """The label of the parts: 图书馆2层二层中厅065号. In Chinese a dot separates two parts only if
    Latin letters, digits or signs would meet: 图书馆2层A区065号, but Lesesaal A · A-1号."""
    return _text(parts, False)


def name_text(*parts: Part) -> PlaceText:
    """The parts as a name, with spaces: 3层 阅览室. A floor is left out before an area whose name
    says it: 二层东区."""
    return _text(parts, True)


def _text(parts: Sequence[Part], is_name: bool) -> PlaceText:
    text = PlaceText(_label(parts, CHINESE, is_name))
    text.message, text.context, text.stored = "", None, None
    text.parts, text.is_name, text._labels = parts, is_name, {}
    return text


def _label(parts: Sequence[Part], language: Language, is_name: bool) -> str:
    words = [_part(part, language) for part in parts]
    if is_name and "层" in words[-1 if not isinstance(parts[-1], str) else -2]:
        words = [w for w, part in zip(words, parts, strict=True) if not isinstance(part, Floor)]
    between = _words(language).between or (" " if is_name else "")
    return between.join(words) if between else _joined(words)


def _part(part: Part, language: Language) -> str:
    if isinstance(part, Floor):
        return floor_label(part, language)
    return number_label(part, language) if isinstance(part, str) else name_in(part, language.tag)


def floor_label(floor: Floor, language: Language = CHINESE) -> str:
    """A floor as readers see it: its own name, or 2层, or 地下1层 for -1."""
    words, number = _words(language), floor.number
    usual = (
        words.basement.format(number=-number) if number < 0 else words.floor.format(number=number)
    )
    return name_in(floor, language.tag) or usual


def names_of_floor(floor: Floor) -> set[str]:
    """The words for a floor in the names of other places: 2层, 二层, Floor 2, its own names."""
    one_of = floor, Floor(floor.number)
    names = {floor_label(one, language) for one in one_of for language in LANGUAGES.values()}
    if 0 < floor.number <= len(_NUMERALS):
        names.add(f"{_NUMERALS[floor.number - 1]}层")
    return names


def number_label(no: str, language: Language = CHINESE) -> str:
    """A seat's name as part of a label: 065号; in English no. 065, but A-12."""
    words = _words(language)
    return (words.digits if no.isdecimal() else words.seat).format(no=no)


def _joined(words: Sequence[str]) -> str:
    label = ""
    for word in words:
        runs_together = all("" < c < HAN for c in (label[-1:], word[:1]))
        label += f" · {word}" if runs_together else word
    return label


def shortened(parts: Sequence[Part], longest: int) -> str:
    """The Chinese label of the parts in at most ``longest`` characters. Leading parts are left
    out; if the last part alone is too long, its beginning is cut off."""
    for first in range(3):
        label = _label(parts[first:], CHINESE, False)
        if len(label) <= longest:
            return label
    return "…" + label[1 - longest :]
