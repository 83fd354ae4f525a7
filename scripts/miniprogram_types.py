"""Generates the mini-program's API types, seat features and English texts.

``python -m scripts.miniprogram_types`` writes miniprogram/api/types.ts from the OpenAPI document,
miniprogram/lib/features.ts from SEAT_FEATURES, and miniprogram/lib/error_texts.ts and
texts_english.ts from the catalogue. With ``--check`` it writes nothing, and fails if a file would
change.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, Final

from handlers.api_routes import document
from handlers.texts.errors import TEXTS
from handlers.texts.labels import FEATURE_TEXT
from languages.catalogue import LANGUAGES
from models.library.entities import SEAT_FEATURES
from scripts.messages import MINI_PROGRAM_TEXT, MINI_PROGRAM_TEXTS

CLIENT: Final = Path(__file__).resolve().parents[1] / "miniprogram"
ENGLISH: Final = LANGUAGES["en"]
_SECONDS: Final = ("{retry_after}", "{retry_after} s")
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


def error_texts() -> str:
    # A refusal's fact is a number of seconds, which the service's own text already spells.
    entries = (
        f"  {code}: {json.dumps(ENGLISH.say(text).replace(*_SECONDS), ensure_ascii=False)},"
        for code, text in TEXTS.items()
    )
    return "\n".join(
        (
            "// Made from handlers/texts/errors.py and languages/po/en.po by "
            "scripts/miniprogram_types.py.",
            "",
            "export const ERRORS_EN: Readonly<Record<string, string>> = {",
            *entries,
            "};",
            "",
        )
    )


def features() -> str:
    """The features of a seat with their names in both languages."""
    words = ((name, FEATURE_TEXT[name]) for name in SEAT_FEATURES)
    entries = (
        f'  {{ name: "{name}", zh: "{chinese}", en: "{ENGLISH.say(chinese)}" }},'
        for name, chinese in words
    )
    return "\n".join(
        (
            "// Made from SEAT_FEATURES, handlers/texts/labels.py and languages/po/en.po by "
            "scripts/miniprogram_types.py.",
            "",
            "/** What a seat can have. The name is a field of the API's seats and a drawing. */",
            "export const FEATURES = [",
            *entries,
            "] as const;",
            "",
        )
    )


def english_texts() -> str:
    """The English of each Chinese text of the mini-program."""

    def english(match: re.Match[str]) -> str:
        key, chinese, own = match[1], json.loads(f'"{match[2]}"'), match[3]
        translation = ENGLISH.translation(chinese, key if own else None)
        return f"  {key}: {json.dumps(translation, ensure_ascii=False)},"

    source = MINI_PROGRAM_TEXTS.read_text(encoding="utf-8")
    _, _, lines = source.partition("export const CHINESE = {")
    return "\n".join(
        (
            "// Made from texts_chinese.ts and languages/po/en.po by scripts/miniprogram_types.py.",
            "",
            'import type { CHINESE } from "./texts_chinese";',
            "",
            f"export const ENGLISH: Record<keyof typeof CHINESE, string> = {{"
            f"{MINI_PROGRAM_TEXT.sub(english, lines).removesuffix(' as const;')}",
        )
    )


def main() -> int:
    made = {
        CLIENT / "api" / "types.ts": types(),
        CLIENT / "lib" / "features.ts": features(),
        CLIENT / "lib" / "error_texts.ts": error_texts(),
        CLIENT / "lib" / "texts_english.ts": english_texts(),
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
