"""Markdown as HTML that is safe to show: no HTML of the author's, no picture from elsewhere."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt

# "js-default" takes no HTML and no link that runs something; pictures would be asked for elsewhere.
_MARKDOWN: Final = MarkdownIt("js-default").disable("image")


def html_of(markdown: str) -> str:
    """The text's HTML: paragraphs, lists, tables, emphasis and links."""
    return str(_MARKDOWN.render(markdown))
