"""Names in several languages, and labels of seats and areas, put together for one language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line

Names = Mapping[str, str]
"""Names in further languages by language tag, such as en or zh-Hant."""
CHINESE: Final = "zh"
"""The language of a label where no other one is asked for."""
_HAN: Final = "\u2e80"
"""The first character of the Unicode blocks of Chinese; European letters come before it."""
_TAG: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_MOST_NAMES: Final = 20


class Named(Protocol):
    """A venue, floor, area or kiosk. `name` is its first name, which stands where `names` has
    none in a language."""

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


_WORDS: Final = {
    CHINESE: _Words("{}层", "地下{}层", "{}号", "{}号", ""),
    "en": _Words("Floor {}", "Basement {}", "no. {}", "{}", " · "),
}
OTHER_LANGUAGES: Final = tuple(language for language in _WORDS if language != CHINESE)
"""The languages beside Chinese in which labels are put together."""


def _words(language: str) -> _Words:
    return _WORDS.get(language) or _WORDS[CHINESE]


def floor_label(floor: Floor, language: str = CHINESE) -> str:
    """A floor as readers see it: its own name, or 2层, or 地下1层 for -1."""
    named = name_in(floor, language)
    if named:
        return named
    words = _words(language)
    below = floor.number < 0
    return (words.basement if below else words.floor).format(abs(floor.number))


def number_label(no: str, language: str = CHINESE) -> str:
    """A seat's name as part of a label: 065号; in English no. 065, but A-12."""
    words = _words(language)
    return (words.digits if no.isdecimal() else words.seat).format(no)


def joined(parts: Iterable[str], language: str = CHINESE) -> str:
    """Joins the parts. In Chinese a dot separates two of them only if Latin letters, digits or
    signs would meet: 图书馆2层A区065号, but Lesesaal A · A-1号."""
    between = _words(language).between
    if between:
        return between.join(parts)
    label = ""
    for part in parts:
        runs_together = all("" < c < _HAN for c in (label[-1:], part[:1]))
        label += f" · {part}" if runs_together else part
    return label


def spaced(parts: Iterable[str], language: str = CHINESE) -> str:
    """Joins the parts of an area's name: 3层 阅览室."""
    return (_words(language).between or " ").join(parts)


def after_floor(floor: str, name: str, language: str = CHINESE) -> str:
    """An area's name after its floor's, unless it says the floor itself: 3层 阅览室, 二层东区."""
    return name if "层" in name else spaced([floor, name], language)


def shortened(parts: Sequence[str], longest: int) -> str:
    """Joins the parts to at most ``longest`` characters. Leading parts are left out; if the last
    part alone is too long, its beginning is cut off."""
    rest = [joined(parts[first:]) for first in range(3)]
    label = next((fitting for fitting in rest if len(fitting) <= longest), rest[-1])
    return label if len(label) <= longest else "…" + label[1 - longest :]
