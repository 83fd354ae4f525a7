"""Templates in the language of their environment: translated once, when they are compiled, so that
a page costs the same in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from jinja2 import Environment, nodes
from jinja2.ext import InternationalizationExtension
from jinja2.lexer import (
    TOKEN_COMMA,
    TOKEN_LPAREN,
    TOKEN_NAME,
    TOKEN_RPAREN,
    TOKEN_STRING,
    Token,
    TokenStream,
)
from jinja2.parser import Parser

from languages.text import Language

_PLACE: Final = re.compile(r"%\((\w+)\)s")
_CALLS: Final = ("_", "pgettext")


class Translated(InternationalizationExtension):
    """Translates ``{{ _("…") }}``, ``{{ pgettext("context", "…") }}`` and ``{% trans %}`` into the
    `language` of the environment."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.newstyle_gettext = True  # type: ignore[attr-defined]

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        for token in stream:
            named = token.type == TOKEN_NAME and token.value in _CALLS
            if not named or not stream.skip_if(TOKEN_LPAREN):
                yield token
                continue
            texts = [stream.expect(TOKEN_STRING).value]
            while stream.skip_if(TOKEN_COMMA):
                texts.append(stream.expect(TOKEN_STRING).value)
            stream.expect(TOKEN_RPAREN)
            message, *context = reversed(texts)
            yield Token(token.lineno, TOKEN_STRING, self._translation(message, *context))

    def parse(self, parser: Parser) -> nodes.Node:
        made: Any = super().parse(parser)
        *first, output = made if isinstance(made, list) else [made]
        (call,) = output.nodes
        *context, message = [text.value for text in call.args]
        values = {keyword.key: keyword.value for keyword in call.kwargs}
        if first:  # a call as the first value was put into a variable, in case it counts something
            values[next(iter(values))] = first[0].node
        parts = _PLACE.split(self._translation(message, *context))
        pieces = [
            values[part] if number % 2 else nodes.TemplateData(part.replace("%%", "%"))
            for number, part in enumerate(parts)
        ]
        return nodes.Output(pieces, lineno=output.lineno)

    def _translation(self, message: str, context: str | None = None) -> str:
        language: Language = self.environment.language  # type: ignore[attr-defined]
        return language.translation(message, context)
