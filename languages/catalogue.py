"""The languages of the service: Chinese, in which its texts are written, and one for each PO file
in ``languages/po``."""

from __future__ import annotations

from collections.abc import Mapping
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from typing import Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from languages.text import SOURCE, Language


def read_language(file: Traversable) -> Language:
    """The language of a PO file, which is named by the language's tag. The ``Language`` in its
    header is the locale for dates: British English writes them as the rest of the world does."""
    with file.open("rb") as opened:
        catalogue = read_po(opened)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    tag = file.name.removesuffix(".po")
    locale = catalogue.locale or Locale.parse(tag)
    name = Locale.parse(tag).get_display_name() or tag
    return Language(tag, tag, name, locale, GNUTranslations(compiled))


CHINESE: Final = Language(SOURCE, "zh-CN", "中文", Locale("zh"), NullTranslations())
_OTHERS: Final = sorted(
    (read_language(file) for file in files("languages").joinpath("po").iterdir()),
    key=lambda language: language.tag,
)
LANGUAGES: Final[Mapping[str, Language]] = {
    language.tag: language for language in (CHINESE, *_OTHERS)
}
"""All languages by their tag, Chinese first."""


def language_with(tag: str | None) -> Language:
    """The language of this tag; Chinese for None and for a tag that is no longer known."""
    return LANGUAGES.get(tag or SOURCE, CHINESE)
