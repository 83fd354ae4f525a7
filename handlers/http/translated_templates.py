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
    `language` of the environment. The value ``n`` of a ``{% trans %}`` counts: its message has a
    plural form for it, as ``_n`` in Python."""

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
        if "n" not in values:
            return _written(self._translation(message, *context), values, output.lineno)
        language: Language = self.environment.language  # type: ignore[attr-defined]
        first_form, *forms = language.plural_forms(message, *context)
        node: nodes.Node = _written(first_form, values, output.lineno)
        for number, form in enumerate(forms, 1):
            called = nodes.Call(nodes.Name("plural_form", "load"), [values["n"]], [], None, None)
            chosen = nodes.Compare(called, [nodes.Operand("eq", nodes.Const(number))])
            written = _written(form, values, output.lineno)
            node = nodes.If(chosen, [written], [], [node], lineno=output.lineno)
        return node

    def _translation(self, message: str, context: str | None = None) -> str:
        language: Language = self.environment.language  # type: ignore[attr-defined]
        return language.translation(message, context)


def _written(message: str, values: dict[str, nodes.Expr], line: int) -> nodes.Output:
    """The message with the values in their places."""
    pieces = [
        values[part] if number % 2 else nodes.TemplateData(part.replace("%%", "%"))
        for number, part in enumerate(_PLACE.split(message))
    ]
    return nodes.Output(pieces, lineno=line)
