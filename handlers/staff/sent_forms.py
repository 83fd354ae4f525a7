"""Refused console forms. The page shows such a form as it was sent, with the error at its field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from markupsafe import Markup
from multidict import MultiDict, MultiDictProxy

from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, form_text
from handlers.http.refusals import count_error
from handlers.texts.console import WRONG_TEXT
from handlers.texts.errors import reason_text, text_of
from languages.catalogue import CHINESE
from languages.text import Language
from models.kernel.errors import DomainError, Malformed

_TOKENS: Final = frozenset({"csrf", "key"})
_ERRORS_OF: Final = {
    "card": ("card_taken",),
    "code": ("pairing_code_unknown", "pairing_over"),
    "date": ("not_admitted", "not_open_yet", "outside_horizon"),
    "end": ("too_long", "too_short"),
    "id": ("device_exists",),
    "name": ("group_name_taken", "venue_exists"),
    "no": ("group_only", "seat_disabled", "seat_kept", "seat_taken"),
    "start": ("closed", "in_the_past", "off_grid", "own_overlap"),
    "zone": ("zone_fixed",),
}
"""The codes of the errors to show beside a form field, by the field's name."""
FIELD_OF: Final = {code: field for field, codes in _ERRORS_OF.items() for code in codes}
_WRONG_HERE: Final = Markup('<span class="wrong" id="wrong-here">{}</span>')
_IS_WRONG: Final = Markup(' aria-invalid="true" aria-describedby="wrong-here" autofocus')


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form as templates see it. A refused form has the values that were sent, and the error
    ``wrong`` at ``field``. A form not sent has an empty ``action`` and shows default values."""

    action: str
    form: Form
    wrong: str = ""
    field: str = ""
    status: int = 200
    language: Language = CHINESE

    def __bool__(self) -> bool:
        return bool(self.action)

    def get(self, name: str, usual: object = "") -> object:
        """The text that was typed in the field; ``usual`` if the form was not sent."""
        return form_text(self.form, name) if self else usual

    def has(self, name: str, value: str = "", *, usual: bool = False) -> bool:
        """Whether a checkbox is ticked in the sent form. With ``value``: whether this one of
        several checkboxes of the same name is. ``usual``: the result if the form was not sent."""
        if not self:
            return usual
        return value in self.form.getall(name, []) if value else bool(form_text(self.form, name))

    def items(self) -> Iterator[tuple[str, str]]:
        return iter(typed_in(self.form).items())

    def at(self, name: str) -> str:
        """HTML attributes that mark and focus the field's input if it has an error; else empty."""
        return _IS_WRONG if name == self.field else ""

    def why(self, name: str) -> str:
        """The HTML of the error beside the field; empty for a correct field."""
        return _WRONG_HERE.format(self.language.say(self.wrong)) if name == self.field else ""


NOT_SENT: Final = SentForm("", MultiDictProxy(MultiDict()))
_SENT: Final = web.RequestKey("sent_form", SentForm)


def sent_form(request: web.Request) -> SentForm:
    """The form that was sent with this request and refused; otherwise ``NOT_SENT``."""
    sent: SentForm = request.get(_SENT, NOT_SENT)
    return sent


def keep_typed(visit: PageRequest, form: Form) -> None:
    """Makes this request's page show the form as it was sent. No error is added."""
    visit.request[_SENT] = SentForm(visit.request.path, form)


def refuse(
    visit: PageRequest, form: Form, error: DomainError, wrong: str = "", field: str = ""
) -> None:
    """Makes this request's page show the form as it was sent, with an error at a field.
    ``wrong`` and ``field`` replace the text and the field that ``error`` has."""
    if not wrong:
        wrong = error_text(visit, error)
    elif not isinstance(error, Malformed):
        count_error(visit.request, error)
    field = field or FIELD_OF.get(error.code, str(error.details.get("field", "")))
    status = status_of(type(error))
    language = language_of(visit.request)
    visit.request[_SENT] = SentForm(visit.request.path, form, wrong, field, status, language)


def error_text(visit: PageRequest, error: DomainError) -> str:
    """The error in words. Refusals except ``Malformed`` (a wrong value) are counted by metrics."""
    if isinstance(error, Malformed):
        sentence = WRONG_TEXT.get(str(error.details["reason"]), "")
        return sentence.format_map(error.details) or reason_text(error.details)
    count_error(visit.request, error)
    return text_of(error.code, visit.zone.local_facts(error.details))


def typed_in(form: Form, names: Iterable[str] | None = None) -> dict[str, str]:
    """Texts typed in the fields ``names`` (empty if missing); by default in all but ``_TOKENS``."""
    if names is None:
        names = [name for name in form if name not in _TOKENS]
    return {name: form_text(form, name) for name in names}
