"""python -m scripts.messages [--check]: brings every PO file up to the messages of the source.

Messages are the Chinese texts in ``_("…")``, ``_n`` and ``_p`` of Python, in ``_`` and ``{% trans
%}`` of templates, and in ``_`` of scripts. A new message gets an empty translation, for which
``--check`` fails; a message that is no longer there is removed. ``--check`` also fails for Chinese
outside of messages and comments in a template or a script."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from handlers.http.static_files import SCRIPT_MESSAGE

ROOT: Final = Path(__file__).parent.parent
PO_FILES: Final = ROOT / "languages" / "po"
_WIDTH: Final = 100
_CONTEXT: Final = ((1, "c"), 2)
_KEYWORDS: Final[dict[str, Any]] = {
    "_": None,
    "_n": (1, 1),
    "_p": _CONTEXT,
    "joined": (2,),
    "spelled": (2,),
    "gettext": None,
    "pgettext": _CONTEXT,
}
_SOURCES: Final = (
    ("handlers/templates/**/*.html", "jinja2"),
    ("handlers/static/*.js", "javascript"),
    *((f"{package}/**/*.py", "python") for package in ("bind", "handlers", "models", "notify")),
)
_OPTIONS: Final = {
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "newstyle_gettext": "true",
    "silent": "false",
}
MINI_PROGRAM_TEXTS: Final = ROOT / "miniprogram" / "lib" / "texts_chinese.ts"
MINI_PROGRAM_TEXT: Final = re.compile(r'^  (\w+): "((?:[^"\\]|\\.)*)",( // own)?$', re.MULTILINE)
"""Matches a text of the mini-program: its key, the Chinese, and whether it has a translation of
its own, with the key as the context."""
_PLACE: Final = re.compile(r"%\(\w+\)s|\{\w*\}")
_CHINESE: Final = re.compile("[\u3001-\u303f\u3400-\u9fff\uff01-\uff0a\uff0c\uff0e-\uffee]+")
_SKIPPED: Final = {
    "jinja2": re.compile(
        r"""{#.*?#}|{%-?\s*trans\b.*?{%-?\s*endtrans\s*-?%}"""
        r"""|\b(_|pgettext)\((\s|,|"[^"]*"|'[^']*')+\)""",
        re.DOTALL,
    ),
    "javascript": re.compile(r'^\s*//.*|\s// .*|\b_\("(?:[^"\\]|\\.)*"', re.MULTILINE),
}
"""Matches comments and messages, which may contain Chinese, by kind of source."""


def extracted() -> Catalog:
    """A catalogue of all messages in the source, each with its files."""
    messages = Catalog()
    for pattern, method in _SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            name = str(path.relative_to(ROOT))
            if method == "javascript":
                for call in SCRIPT_MESSAGE.findall(path.read_text(encoding="utf-8")):
                    messages.add(json.loads(call), locations=[(name, 1)])
                continue
            for _line, message, _comments, context in extract_from_file(
                method, path, keywords=_KEYWORDS, options=_OPTIONS if method == "jinja2" else None
            ):
                # {% trans n %} counts, as _n does.
                counts = method == "jinja2" and "%(n)s" in message
                id = (str(message), str(message)) if counts else message
                messages.add(id, locations=[(name, 1)], context=context)
    texts = MINI_PROGRAM_TEXTS.read_text(encoding="utf-8")
    name = str(MINI_PROGRAM_TEXTS.relative_to(ROOT))
    for key, chinese, own in MINI_PROGRAM_TEXT.findall(texts):
        message = json.loads(f'"{chinese}"')
        messages.add(message, locations=[(name, 1)], context=key if own else None)
    return messages


def bare(source: str, kind: str) -> list[str]:
    """The Chinese in a template or a script that no language can translate."""
    return _CHINESE.findall(_SKIPPED[kind].sub("", source))


def updated(file: Path, messages: Catalog) -> Catalog:
    """The catalogue of a PO file with exactly these messages and the translations that it has."""
    with file.open("rb") as opened:
        translated = read_po(opened)
    catalogue = Catalog(translated.locale)
    for message in messages:
        if message.id:
            known = translated.get(_first(message), message.context)
            string = known.string if known is not None else None
            if message.pluralizable and isinstance(string, str):
                string = (string,) * catalogue.num_plurals
            places = sorted(set(message.locations))
            catalogue.add(message.id, string, locations=places, context=message.context)
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """The PO file of a catalogue. It has no dates, so that it changes only with its messages."""
    entries = BytesIO()
    write_po(entries, catalogue, _WIDTH, omit_header=True, sort_by_file=True, include_lineno=False)
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return header.encode() + entries.getvalue()


def faults(catalogue: Catalog) -> Iterator[str]:
    """Yields a line for each fault of a translation."""
    for message in catalogue:
        if not message.id:
            continue
        first = _first(message)
        string = message.string or ""
        strings = [string] if isinstance(string, str) else [*string]
        if not all(strings):
            yield f"no translation: {first}"
        for string in filter(None, strings):
            if set(_PLACE.findall(string)) - set(_PLACE.findall(first)):
                yield f"other placeholders: {first} → {string}"


def _first(message: Message) -> str:
    return message.id if isinstance(message.id, str) else str(message.id[0])


def main(check: bool) -> int:
    messages, failed = extracted(), False
    for pattern, kind in _SOURCES:
        for path in sorted(ROOT.glob(pattern)) if check and kind in _SKIPPED else ():
            for text in bare(path.read_text(encoding="utf-8"), kind):
                print(f"{path.relative_to(ROOT)}: outside of a message: {text}")
                failed = True
    for file in sorted(PO_FILES.glob("*.po")):
        catalogue = updated(file, messages)
        if not check:
            file.write_bytes(written(catalogue))
            print(f"{file.relative_to(ROOT)}: {len(catalogue)} messages")
            continue
        wrong = [*faults(catalogue)]
        if file.read_bytes() != written(catalogue):
            wrong.append("not up to date: run python -m scripts.messages")
        for line in wrong:
            print(f"{file.relative_to(ROOT)}: {line}")
        failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
