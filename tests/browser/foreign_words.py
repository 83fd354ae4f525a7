"""The words of another language that a person meets in a browser."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Final

from playwright.async_api import Error

from tests.browser.conftest import Tab

CHINESE: Final = "[\u3000-\u303f\u4e00-\u9fff\uff01-\uff0a\uff0c\uff0e-\uffef]+"
"""Matches Chinese characters and punctuation."""
LATIN: Final = "[A-Za-z]{2,} [A-Za-z]{2,}"
"""Matches two words in Latin letters: names such as Carrel 3 or XLSX stand alone in Chinese."""

_WATCH: Final = """([pattern, allowed]) => {
  const foreign = new RegExp(pattern, "g");
  const named = /^(aria-(label|valuetext)|data-with|alt|title|placeholder|content|label)$/;
  const unread = "script, style, noscript, code, [lang]:not(:root)";
  const judge = (text, place) => {
    for (const [word] of text.replaceAll("\u00ad", "").matchAll(foreign)) {
      if (!allowed.includes(word)) return window.meets(`${place}: ${text.trim().slice(0, 120)}`);
    }
  };
  const visit = (node) => {
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (!element?.closest || element.closest(unread)) return;
    const place = `${location.pathname} ${element.tagName}`;
    if (node !== element) return judge(node.data, place);
    for (const { name, value } of node.attributes) {
      const spoken = named.test(name) && !node.matches("[name=viewport], [name=color-scheme]");
      if (spoken) judge(value, `${place}[${name}]`);
    }
    for (const side of ["::before", "::after"]) {
      const { content } = getComputedStyle(node, side);
      if (/["']/.test(content)) judge(content, place + side);
    }
    node.childNodes.forEach(visit);
  };
  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "childList") addedNodes.forEach(visit);
      else if (type === "characterData") visit(target);
    }
  }).observe(document, { characterData: true, childList: true, subtree: true });
  window.lookAround = () => visit(document.documentElement);
}"""


async def watch(tab: Tab, foreign: str, allowed: tuple[str, ...] = ()) -> set[str]:
    """The words that match ``foreign`` in what the tab shows from now on, each with its place: in
    texts, attributes, styles, and, if they are Chinese, in the JSON that scripts get."""
    met = set[str]()

    async def answered(response: Any) -> None:
        if response.headers.get("content-type", "").startswith("application/json"):
            with suppress(Error):  # the page was left meanwhile
                body = json.dumps(await response.json(), ensure_ascii=False)
                found = re.findall(f".{{0,40}}{foreign}", body)
                met.update(f"{response.url}: {place}" for place in found)

    await tab.page.expose_binding("meets", lambda _, place: met.add(place))
    await tab.page.add_init_script(f"({_WATCH})({json.dumps([foreign, allowed])})")
    if foreign == CHINESE:
        tab.page.on("response", answered)
    return met


async def look(tab: Tab) -> None:
    """Looks at the whole page as it stands, with what its styles write."""
    await tab.page.wait_for_load_state("load")
    await tab.page.evaluate("lookAround()")
