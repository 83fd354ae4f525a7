"""What the console's forms have in common: reading fields, and showing a refused form again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any, Final

from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text
from handlers.http.refusals import count_error
from handlers.texts.console import WRONG_TEXT
from handlers.texts.errors import reason_text, text_of
from models.kernel.errors import DomainError, InvalidRequest
from models.kernel.request_id import REQUEST_ID
from models.kernel.time_range import local_instant
from models.library.entities import AreaId, SeatId
from models.library.seat_names import seat_named

ID: Final = re.compile(r"[0-9a-z][0-9a-z-]{1,29}")
_TOKENS: Final = frozenset({"csrf", "key"})


# --- a refused form, shown again ------------------------------------------------------------------
def typed_in(form: Form, names: Iterable[str] | None = None) -> dict[str, str]:
    """What was typed in these fields, empty where one is missing; in all of the form's without
    ``names``."""
    if names is None:
        names = [name for name in form if name not in _TOKENS]
    return {name: form_text(form, name) for name in names}


def form_key(form: Form) -> str:
    """The name of this very form: the same when it is sent twice, or its answer is loaded anew."""
    return form_text(form, "key") or REQUEST_ID.get()


def error_text(visit: PageRequest, error: DomainError) -> str:
    """The refusal in words. One that the form's text does not explain is counted by its code."""
    if isinstance(error, InvalidRequest):
        return reason_text(error.details)
    count_error(visit.request, error)
    return text_of(error.code, error.details)


def refusal(visit: PageRequest, error: DomainError, typed: dict[str, str]) -> dict[str, Any]:
    """What a page needs to show a refused form again, with all that was typed."""
    return {
        "status": status_of(type(error)),
        "wrong": error_text(visit, error),
        "typed": typed,
    }


def refusal_at_field(
    visit: PageRequest, error: DomainError, typed: dict[str, str]
) -> dict[str, Any]:
    """The same for a page that says at the field what is wrong with it (``staff/macros.html``)."""
    return refusal(visit, error, typed) | {"wrong_field": str(error.details.get("field", ""))}


# --- fields ---------------------------------------------------------------------------------------
def instant_in(form: Form, name: str) -> datetime:
    """A browser's date and time, on the library's clock. Raises: InvalidRequest."""
    try:
        typed = datetime.strptime(form_text(form, name), "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError as error:
        raise InvalidRequest(name, WRONG_TEXT["instant_missing"]) from error
    if not 2000 <= typed.year < 2100:
        raise InvalidRequest(name, WRONG_TEXT["not_our_time"])
    return local_instant(typed.date(), typed.time())


def date_in(form: Form, name: str) -> date:
    """Raises: InvalidRequest."""
    return day_of(form_text(form, name), name)


def optional_date_in(form: Form, name: str) -> date | None:
    """The date that is typed; None where nothing is. Raises: InvalidRequest."""
    return date_in(form, name) if form_text(form, name) else None


def seat_in(visit: PageRequest, form: Form, *, even_if_removed: bool = False) -> SeatId:
    """The seat that is typed by its area and number. Raises: InvalidRequest."""
    area = visit[REFERENCE].catalog.areas.get(AreaId(form_text(form, "area")))
    seats = area.seats if area is not None else ()
    if area is not None and even_if_removed:
        seats = (*seats, *area.retired_seats, *area.removed_seats)
    seat = seat_named(seats, form_text(form, "no"))
    if seat is None:
        raise InvalidRequest("no", WRONG_TEXT["seat_unknown"])
    return seat.id


def day_of(text: str, name: str) -> date:
    """Raises: InvalidRequest."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest(name, WRONG_TEXT["date_missing"]) from error


def clock_of(text: str, name: str) -> time:
    """Raises: InvalidRequest."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        wrong = WRONG_TEXT["clock_format" if text else "clock_missing"].format(text=text)
        raise InvalidRequest(name, wrong)
    return time.fromisoformat(text)
