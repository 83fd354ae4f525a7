"""Texts that remember their message and facts, so that each reader gets them in their language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from gettext import NullTranslations
from string import Formatter
from typing import Any, ClassVar, Final, TypeVar

from babel import Locale
from babel.dates import format_interval, format_skeleton

SOURCE: Final = "zh"
"""The tag of Chinese, in which all messages are written."""
_PLURAL_PERIOD: Final = 200
"""Every plural form that a language has is used for one of the numbers below this one."""


class Text(str):
    """A Chinese text that can be translated. It is a str, which in Chinese needs no more; joined
    to another str by ``+`` or in an f-string it loses its translation."""

    __slots__ = ("context", "facts", "message", "stored")
    kind: ClassVar[str] = "text"
    stored: dict[str, Any] | None
    """The text as a fact of a stored one, once it has been; labels are facts of many messages."""
    message: str
    facts: dict[str, Any]
    context: str | None

    def into(self, language: Language) -> str:
        """The text in the language. Facts that are texts are translated too; others, such as
        names that the library gave, stay as they are."""
        return self._filled(language.translation(self.message, self.context), language)

    def format(self, *_: object, **facts: Any) -> Text:
        """The text with its places filled in."""
        return self.format_map(facts)

    def format_map(self, facts: Mapping[str, Any]) -> Text:  # type: ignore[override]
        """The text with its places filled in."""
        own = {name: facts[name] for name in _places(self.message)}
        return _made(type(self), self.message.format_map(own), self.message, own, self.context)

    def _filled(self, translation: str, language: Language) -> str:
        if not self.facts:
            return translation
        facts = {name: language.say(fact) for name, fact in self.facts.items()}
        return translation.format_map(facts)


class CountedText(Text):
    """A text with a plural form for its fact `n`."""

    __slots__ = ()
    kind = "counted"

    def into(self, language: Language) -> str:
        n = self.facts["n"]
        return self._filled(language.plural(self.message, self.context, n), language)


class DateText(Text):
    """A day, or the days from a first to a last one, in the form of a skeleton of CLDR."""

    __slots__ = ("first", "last")
    kind = "date"
    first: date
    last: date

    def into(self, language: Language) -> str:
        if self.first == self.last:
            return format_skeleton(self.message, self.first, locale=language.locale)
        return format_interval(self.first, self.last, self.message, locale=language.locale)


class JoinedText(Text):
    """Several texts, joined by the message."""

    __slots__ = ("parts",)
    kind = "joined"
    parts: tuple[str, ...]

    def into(self, language: Language) -> str:
        between = language.translation(self.message) if self.message else ""
        return between.join(language.say(part) for part in self.parts)


class NameText(Text):
    """A name that the library gave, with its forms in further languages by their tags."""

    __slots__ = ()
    kind = "name"

    def into(self, language: Language) -> str:
        return str(self.facts.get(language.tag, self))


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """A language. `tag`: as in Accept-Language and the name of its PO file. `html`: the tag of
    its pages. `name`: as the language calls itself."""

    tag: str
    html: str
    name: str
    locale: Locale
    translations: NullTranslations

    def translation(self, message: str, context: str | None = None) -> str:
        """The message's translation, or the message itself if it has none."""
        if context is None:
            return self.translations.gettext(message)
        return self.translations.pgettext(context, message)

    def plural(self, message: str, context: str | None, n: int) -> str:
        """The message's translation for ``n`` things."""
        if context is None:
            return self.translations.ngettext(message, message, n)
        return self.translations.npgettext(context, message, message, n)

    def plural_forms(self, message: str, context: str | None = None) -> list[str]:
        """The message's translation for each plural form of the language."""
        numbers = {self.plural_form(n): n for n in range(_PLURAL_PERIOD)}
        return [self.plural(message, context, n) for _, n in sorted(numbers.items())]

    def plural_form(self, n: int) -> int:
        """The index of the language's plural form for ``n`` things."""
        return self.translations.plural(n) if self.tag != SOURCE else 0  # type: ignore[attr-defined]

    def say(self, value: Any) -> Any:
        """The value in this language if it is a ``Text``, otherwise the value itself."""
        if not isinstance(value, Text):
            return value
        return str(value) if self.tag == SOURCE else value.into(self)


@cache
def _places(message: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(message) if name)


_Kind = TypeVar("_Kind", bound=Text)


def _made(
    kind: type[_Kind],
    chinese: str,
    message: str,
    facts: dict[str, Any],
    context: str | None = None,
) -> _Kind:
    text = kind(chinese)
    text.message, text.facts, text.context, text.stored = message, facts, context, None
    return text


def _(message: str, **facts: Any) -> Text:
    """The text of a message with its facts in place of ``{name}``."""
    return _made(Text, message.format_map(facts) if facts else message, message, facts)


def _n(message: str, n: float, **facts: Any) -> CountedText:
    """The text of a message that counts ``n`` things."""
    facts["n"] = n
    return _made(CountedText, message.format_map(facts), message, facts)


def numeral(counted: CountedText) -> CountedText:
    """The counted things as a fact of a message that names them in Chinese: there it is the
    number alone, in other languages the number with its noun."""
    return _made(CountedText, str(counted.facts["n"]), counted.message, counted.facts)


def _p(context: str, message: str, **facts: Any) -> Text:
    """The text of a message that has a translation of its own in this context."""
    text = _(message, **facts)
    text.context = context
    return text


def spelled(chinese: str, message: str, **facts: Any) -> Text:
    """The text of a message whose facts are spelled in another way in Chinese: 二层, Floor 2."""
    return _made(Text, chinese, message, facts)


def named(name: str, others: Mapping[str, str]) -> Text:
    """The text of a name that the library gave. ``others``: its forms in further languages."""
    return _made(NameText, name, "", dict(others))


def joined(parts: Iterable[str], between: str = "") -> Text:
    """The text of all parts. ``between``: the Chinese that separates them, a message of its own;
    without it each part follows the one before."""
    parts = tuple(parts)
    text = _made(JoinedText, between.join(parts), between, {})
    text.parts = parts
    return text


def date_text(chinese: str, skeleton: str, first: date, last: date | None = None) -> Text:
    """The text of a day or of the days ``first`` to ``last``. ``chinese``: the text in Chinese,
    which the caller writes faster than CLDR does. ``skeleton``: ``MMMd`` or ``MMMEd``, which has
    the day of the week."""
    text = _made(DateText, chinese, skeleton, {})
    text.first, text.last = first, last or first
    return text


def month_text(day: date) -> Text:
    """The day's month as 2026年9月."""
    return date_text(f"{day.year}年{day.month}月", "yMMMM", day)


def short_day_text(day: date) -> Text:
    """The day as 9月8日."""
    return date_text(f"{day.month}月{day.day}日", "MMMd", day)


_KINDS: Final[Mapping[str, type[Text]]] = {
    kind.kind: kind for kind in (Text, CountedText, DateText, JoinedText, NameText)
}
"""The kinds of texts by the names that stored documents use."""


def document_of(text: Text) -> dict[str, Any]:
    """The message and facts of the text, as a document of strings, numbers, lists and mappings."""
    document: dict[str, Any] = {"kind": text.kind, "message": text.message}
    if text.context is not None:
        document["context"] = text.context
    if isinstance(text, DateText):
        document["days"] = [text.first.isoformat(), text.last.isoformat()]
    elif isinstance(text, JoinedText):
        document["parts"] = [_stored(part) for part in text.parts]
    elif facts := text.facts:
        document["facts"] = {name: _stored(fact) for name, fact in facts.items()}
    return document


def text_of(chinese: str, document: Mapping[str, Any]) -> Text:
    """The text whose Chinese and ``document_of`` these are."""
    facts = {name: _restored(fact) for name, fact in document.get("facts", {}).items()}
    kind, context = _KINDS[document["kind"]], document.get("context")
    text = _made(kind, chinese, document["message"], facts, context)
    if isinstance(text, DateText):
        text.first, text.last = map(date.fromisoformat, document["days"])
    elif isinstance(text, JoinedText):
        text.parts = tuple(map(_restored, document["parts"]))
    return text


def _stored(fact: Any) -> Any:
    if isinstance(fact, Text):
        if fact.stored is None:
            fact.stored = {"chinese": str(fact), **document_of(fact)}
        return fact.stored
    return fact if isinstance(fact, int | float) else str(fact)


def _restored(fact: Any) -> Any:
    return text_of(fact["chinese"], fact) if isinstance(fact, Mapping) else fact
