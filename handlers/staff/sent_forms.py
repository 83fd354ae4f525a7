"""A form's page, shown again: all that was typed, and at its field what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from markupsafe import Markup
from multidict import MultiDict, MultiDictProxy

from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text
from handlers.http.refusals import count_error
from handlers.texts.console import WRONG_TEXT
from handlers.texts.errors import reason_text, text_of
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
"""The codes of the service's refusals that are said at a field."""
FIELD_OF: Final = {code: field for field, codes in _ERRORS_OF.items() for code in codes}
_WRONG_HERE: Final = Markup('<span class="wrong" id="wrong-here">{}</span>')
_IS_WRONG: Final = Markup(' aria-invalid="true" aria-describedby="wrong-here" autofocus')


@dataclass(frozen=True, slots=True)
class SentForm:
    """One form of a page, as templates ask about it: as it was sent to ``action``, with what is
    ``wrong`` and at which ``field``; or not sent, when it shows what is usual."""

    action: str
    form: Form
    wrong: str = ""
    field: str = ""
    status: int = 200

    def __bool__(self) -> bool:
        return bool(self.action)

    def get(self, name: str, usual: object = "") -> object:
        """What was typed there."""
        return form_text(self.form, name) if self else usual

    def has(self, name: str, value: str = "", *, usual: bool = False) -> bool:
        """Is the box ticked, or that ``value`` of several chosen?"""
        if not self:
            return usual
        return value in self.form.getall(name, []) if value else bool(form_text(self.form, name))

    def items(self) -> Iterator[tuple[str, str]]:
        """All fields with what was typed, for a form that is sent on."""
        return iter(typed_in(self.form).items())

    def at(self, name: str) -> str:
        """The attributes by which a wrong field has the focus and names the sentence beside it."""
        return _IS_WRONG if name == self.field else ""

    def why(self, name: str) -> str:
        """What stands beside the field where it is wrong."""
        return _WRONG_HERE.format(self.wrong) if name == self.field else ""


NOT_SENT: Final = SentForm("", MultiDictProxy(MultiDict()))
_SENT: Final = web.RequestKey("sent_form", SentForm)


def sent_form(request: web.Request) -> SentForm:
    """The form that the request has sent, where its page is shown again."""
    sent: SentForm = request.get(_SENT, NOT_SENT)
    return sent


def keep_typed(visit: PageRequest, form: Form) -> None:
    """The page that is rendered next shows the form as it was sent."""
    visit.request[_SENT] = SentForm(visit.request.path, form)


def refuse(
    visit: PageRequest, form: Form, error: DomainError, wrong: str = "", field: str = ""
) -> None:
    """The same, with what is wrong: the error's words and field, unless others are given."""
    if not wrong:
        wrong = error_text(visit, error)
    elif not isinstance(error, Malformed):
        count_error(visit.request, error)
    field = field or FIELD_OF.get(error.code, str(error.details.get("field", "")))
    status = status_of(type(error))
    visit.request[_SENT] = SentForm(visit.request.path, form, wrong, field, status)


def error_text(visit: PageRequest, error: DomainError) -> str:
    """The refusal in words; what is wrong with a field may be the name of a sentence. A refusal
    that the form's text does not explain is counted by its code."""
    if isinstance(error, Malformed):
        sentence = WRONG_TEXT.get(str(error.details["reason"]), "")
        return sentence.format_map(error.details) or reason_text(error.details)
    count_error(visit.request, error)
    return text_of(error.code, error.details)


def typed_in(form: Form, names: Iterable[str] | None = None) -> dict[str, str]:
    """What was typed in these fields, empty where one is missing; in all of the form's without
    ``names``."""
    if names is None:
        names = [name for name in form if name not in _TOKENS]
    return {name: form_text(form, name) for name in names}
