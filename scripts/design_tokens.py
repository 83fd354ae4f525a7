"""Writes the tokens of design/tokens.json, colours, type, radius, heights, shadow and motion, into
the style sheets of the pages, of the screens and of the mini-program.

``python -m scripts.design_tokens`` writes them, ``--check`` fails where a file has others. A sheet
holds them between two comments, ``tokens`` and ``end of tokens``; nobody writes there by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
TOKENS: Final[Mapping[str, Any]] = json.loads((ROOT / "design/tokens.json").read_text("utf-8"))
_BLOCK: Final = re.compile(
    r"(/\* tokens: [^\n]*\*/\n).*?(^/\* end of tokens \*/$)", re.DOTALL | re.MULTILINE
)
_THEME_COLOUR: Final = re.compile(r'(name="theme-color" content=")[^"]*(" media="[^"]*: (\w+)\))')
_REM_PX: Final = 16


def colours(scheme: str) -> str:
    """The declarations of a scheme's colours and of its shadow, on one line for each five."""
    named = [f"--{name}: {one[scheme]};" for name, one in TOKENS["colours"].items()]
    rows = [" ".join(named[n : n + 5]) for n in range(0, len(named), 5)]
    return "\n".join([*rows, f"--shadow: {TOKENS['shadow'][scheme]};"])


def sizes() -> str:
    """The declarations of all sizes. Type is in rem, so it follows the size the reader has set."""
    text = " ".join(f"--text-{name}: {px / _REM_PX:g}rem;" for name, px in TOKENS["text"].items())
    weight = " ".join(f"--{name}: {one['value']};" for name, one in TOKENS["weight"].items())
    radius = " ".join(f"--radius-{name}: {px}px;" for name, px in TOKENS["radius"].items())
    height = " ".join(f"--height-{name}: {px}px;" for name, px in TOKENS["height"].items())
    motion = " ".join(f"--{name}: {ms}ms;" for name, ms in TOKENS["motion"].items())
    return "\n".join([f"{text} {weight}", radius, f"{height} {motion}"])


def both_schemes() -> str:
    """The tokens of a page in the scheme of the system, or in the one the reader has chosen."""
    return (
        _rule(":root", "color-scheme: light dark;", sizes(), colours("light"))
        + "@media (prefers-color-scheme: dark) {\n"
        + _rule(':root:not([data-theme="light"])', colours("dark"))
        + "}\n"
        + _rule(':root[data-theme="light"]', "color-scheme: light;")
        + _rule(':root[data-theme="dark"]', "color-scheme: dark;", colours("dark"))
    )


def dark_only() -> str:
    """The tokens of a screen on a wall."""
    return _rule(":root", "color-scheme: dark;", sizes(), colours("dark"))


def wechat_page() -> str:
    """The tokens of the mini-program, where ``page`` is the root."""
    return (
        _rule("page", sizes(), colours("light"))
        + "@media (prefers-color-scheme: dark) {\n"
        + _rule("page", colours("dark"))
        + "}\n"
    )


def _rule(selector: str, *declarations: str) -> str:
    lines = "\n".join(declarations).splitlines()
    return f"{selector} {{\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


SHEETS: Final[Mapping[str, Callable[[], str]]] = {
    "handlers/static/app.css": both_schemes,
    "handlers/static/pages.css": both_schemes,
    "handlers/static/offline.css": both_schemes,
    "handlers/static/kiosk.css": dark_only,
    "handlers/static/display.css": dark_only,
    "handlers/static/pairing.css": dark_only,
    "miniprogram/app.wxss": wechat_page,
}
"""The style sheets that have tokens, with the form in which they have them."""
WECHAT_THEME: Final = {"navBackground": "card", "page": "page", "soft": "soft", "brand": "brand"}
"""The token of each colour of WeChat's theme file."""


def with_tokens(path: str, text: str) -> str:
    """The file's text with the tokens of now."""
    if path in SHEETS:
        return _BLOCK.sub(lambda block: block[1] + SHEETS[path]() + block[2], text)
    if path == "miniprogram/theme.json":
        return _theme(text)
    return _THEME_COLOUR.sub(
        lambda meta: meta[1] + TOKENS["colours"]["card"][meta[3]] + meta[2], text
    )


def _theme(text: str) -> str:
    """WeChat's theme file, each colour of which is one of the tokens."""
    for scheme in ("light", "dark"):
        head, begin, rest = text.partition(f'"{scheme}": {{')
        own, end, tail = rest.partition("}")
        for key, name in WECHAT_THEME.items():
            value = TOKENS["colours"][name][scheme]
            own = re.sub(rf'(?<="{key}": ")[^"]*', value, own)
        text = head + begin + own + end + tail
    return text


FILES: Final = (*SHEETS, "miniprogram/theme.json", "handlers/templates/base.html")


def main() -> int:
    """Writes the files, or returns 1 if one of them has other tokens (``--check``)."""
    other = []
    for path in FILES:
        file = ROOT / path
        before = file.read_text("utf-8")
        after = with_tokens(path, before)
        if after != before:
            other.append(path)
            if "--check" not in sys.argv:
                file.write_text(after, encoding="utf-8")
    if other and "--check" in sys.argv:
        print(f"other tokens than design/tokens.json: {', '.join(other)}", file=sys.stderr)
        print("python -m scripts.design_tokens writes them", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
