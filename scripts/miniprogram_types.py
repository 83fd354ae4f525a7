"""Generates the mini-program's API types, seat features and translated texts.

``python -m scripts.miniprogram_types`` writes miniprogram/api/types.ts from the OpenAPI document,
miniprogram/lib/features.ts from SEAT_FEATURES, and for each PO file miniprogram/lib/texts_<tag>.ts,
with languages.ts, which lists them. With ``--check`` it writes nothing, and fails if a file would
change.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from handlers.api_routes import document
from handlers.texts.labels import FEATURE_TEXT
from languages.catalogue import LANGUAGES
from languages.text import SOURCE, Language
from models.library.entities import SEAT_FEATURES
from scripts.messages import MINI_PROGRAM_TEXT, MINI_PROGRAM_TEXTS

CLIENT: Final = Path(__file__).resolve().parents[1] / "miniprogram"
_PLAIN: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
_SENT_TO_OTHERS: Final = "Webhook"
"""Prefix of the names of shapes that only webhooks receive; clients do not read them."""
# A generic shape of one item, as msgspec names it among the components: Page_MessageOut_.
_GENERIC: Final = re.compile(r"(\w+?)_(\w+)_")


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _GENERIC.sub(r"\1<\2>", schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(part) for part in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    kind = schema.get("type")
    if kind == "array":
        inner = _type(schema.get("items", {}))
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {_type(values) if isinstance(values, dict) else 'unknown'}>"
    return _PLAIN.get(str(kind), "unknown")


def types() -> str:
    """The interfaces of all shapes, and one for each generic shape."""
    lines = ["// Made from /openapi.json by scripts/miniprogram_types.py. Do not edit.", ""]
    shapes: dict[str, dict[str, Any]] = {}
    for name, schema in document()["components"]["schemas"].items():
        if name.startswith(_SENT_TO_OTHERS):
            continue
        if generic := _GENERIC.fullmatch(name):
            schema = json.loads(json.dumps(schema).replace(f'/{generic[2]}"', '/T"'))
            name = f"{generic[1]}<T>"
        shapes[name] = schema
    for name, schema in sorted(shapes.items()):
        if schema.get("type") != "object":
            lines += [f"export type {name} = {_type(schema)};", ""]
            continue
        required = set(schema.get("required", ()))
        lines.append(f"export interface {name} {{")
        for field, shape in schema["properties"].items():
            mark = "" if field in required else "?"
            lines.append(f"  {field}{mark}: {_type(shape)};")
        lines += ["}", ""]
    return "\n".join(lines)


def features() -> str:
    """The features of a seat with their names in all languages."""
    words = {name: FEATURE_TEXT[name] for name in SEAT_FEATURES}
    entries = (
        f'  {{ name: "{name}", '
        + ", ".join(f'"{tag}": {_quoted(one.say(word))}' for tag, one in LANGUAGES.items())
        + " },"
        for name, word in words.items()
    )
    return "\n".join(
        (
            "// Made from SEAT_FEATURES, handlers/texts/labels.py and languages/po by "
            "scripts/miniprogram_types.py.",
            "",
            "/** What a seat can have. The name is a field of the API's seats and a drawing. */",
            "export const FEATURES = [",
            *entries,
            "] as const;",
            "",
        )
    )


def translated_texts(language: Language) -> str:
    """The texts of the mini-program in the language, each under the key of its Chinese text."""

    def translated(match: re.Match[str]) -> str:
        key, chinese, own = match[1], json.loads(f'"{match[2]}"'), match[3]
        return f"  {key}: {_quoted(language.translation(chinese, key if own else None))},"

    source = MINI_PROGRAM_TEXTS.read_text(encoding="utf-8")
    _, _, lines = source.partition("export const CHINESE = {")
    return "\n".join(
        (
            f"// Made from texts_chinese.ts and languages/po/{language.tag}.po by "
            "scripts/miniprogram_types.py.",
            "",
            'import type { CHINESE } from "./texts_chinese";',
            "",
            "export const TEXTS: Record<keyof typeof CHINESE, string> = {"
            f"{MINI_PROGRAM_TEXT.sub(translated, lines).removesuffix(' as const;')}",
        )
    )


def language_index(languages: Iterable[Language]) -> str:
    """The list of the languages with their names and texts."""
    others = [language for language in languages if language.tag != SOURCE]
    names = {language.tag: _variable(language.tag) for language in others}
    return "\n".join(
        (
            "// Made from languages/po by scripts/miniprogram_types.py.",
            "",
            'import { CHINESE } from "./texts_chinese";',
            *(f'import {{ TEXTS as {name} }} from "./texts_{tag}";' for tag, name in names.items()),
            "",
            "interface Language { name: string; texts: Record<keyof typeof CHINESE, string> }",
            "",
            "export const LANGUAGES: Readonly<Record<string, Language>> = {",
            f'  "{SOURCE}": {{ name: {_quoted(LANGUAGES[SOURCE].name)}, texts: CHINESE }},',
            *(
                f'  "{one.tag}": {{ name: {_quoted(one.name)}, texts: {names[one.tag]} }},'
                for one in others
            ),
            "};",
            "",
        )
    )


def _variable(tag: str) -> str:
    return tag.replace("-", "_").upper()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def main() -> int:
    made = {
        CLIENT / "api" / "types.ts": types(),
        CLIENT / "lib" / "features.ts": features(),
        CLIENT / "lib" / "languages.ts": language_index(LANGUAGES.values()),
        **{
            CLIENT / "lib" / f"texts_{tag}.ts": translated_texts(language)
            for tag, language in LANGUAGES.items()
            if tag != SOURCE
        },
    }
    if "--check" not in sys.argv[1:]:
        for file, text in made.items():
            file.write_text(text, encoding="utf-8")
        return 0
    old = [
        file
        for file, text in made.items()
        if not file.exists() or file.read_text(encoding="utf-8") != text
    ]
    for file in old:
        print(f"{file} is not what the service says: python -m scripts.miniprogram_types")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
