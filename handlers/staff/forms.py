"""Decodes the console's forms into msgspec classes. A refusal says what a field's value must be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, inspect

from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text
from handlers.http.request_parsing import malformed
from handlers.texts.console import FIELD_WRONG, WRONG_TEXT
from models.kernel.errors import Conflict, Malformed
from models.kernel.request_id import REQUEST_ID
from models.kernel.text import is_printable_line
from models.kernel.zone import Zone
from models.library.entities import AreaId, SeatId
from models.library.seat_names import seat_named

Shape = TypeVar("Shape", bound=msgspec.Struct)
ID: Final = r"^[0-9a-z][0-9a-z-]{1,29}$"
"""The pattern of the ids that administrators choose for areas and devices."""
Lines = Annotated[str, Meta(extra={"lines": True})]
"""The type of a form field whose text may have several lines. Other text fields have one line."""


# --- a whole form ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: inspect.Type
    lines: bool
    required: bool
    wrong: str
    """The error for a wrong value in the field, with the least and the greatest allowed value."""

    def refusal(self) -> Malformed:
        return Malformed(self.name, self.wrong)


def decode(zone: Zone, form: Form, shape: type[Shape]) -> Shape:
    """The form as an instance of ``shape``. An empty optional field counts as missing. The texts
    of errors are in ``FIELD_WRONG``. Raises: Malformed."""
    fields, values = _fields_of(shape), dict[str, object]()
    for name, field in fields.items():
        if field.required or form_text(form, name):
            values[name] = _value(zone, form, field)
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        name = str(malformed(error, "").details["field"])
        raise fields[name.partition("[")[0]].refusal() from error


@cache
def _fields_of(shape: type[msgspec.Struct]) -> dict[str, _Field]:
    described = inspect.type_info(shape)
    assert isinstance(described, inspect.StructType)
    fields = {}
    for field in described.fields:
        name, (kind, lines) = field.encode_name, _plain(field.type)
        wrong = _sentence(shape, name, kind)
        fields[name] = _Field(name, kind, lines, field.required, wrong)
    return fields


def _sentence(shape: type, name: str, kind: inspect.Type) -> str:
    names = (*(f"{one.__name__}.{name}" for one in shape.__mro__), name)
    usual = WRONG_TEXT["date_missing" if isinstance(kind, inspect.DateType) else "page_outdated"]
    sentence = next((FIELD_WRONG[said] for said in names if said in FIELD_WRONG), usual)
    least = getattr(kind, "ge", None)
    most = getattr(kind, "le", None) or getattr(kind, "max_length", None)
    return sentence.format(least=least, most=most)


def _value(zone: Zone, form: Form, field: _Field) -> object:
    """The value of a field, converted as far as its type needs; msgspec checks it afterwards.
    Raises: Malformed."""
    text = form_text(form, field.name)
    match field.type:
        case inspect.ListType() | inspect.SetType() | inspect.FrozenSetType():
            return [str(value) for value in form.getall(field.name, [])]
        case inspect.BoolType():
            return bool(text)
        case inspect.IntType():
            return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text
        case inspect.TimeType():
            return clock_of(text, field.name)
        case inspect.DateTimeType():
            return instant_of(zone, text, field.name)
        case inspect.StrType():
            text = text.replace("\r\n", "\n")
            line = re.sub("[\n\t]", "", text) if field.lines else text
            if not is_printable_line(line):
                raise field.refusal()
    return text


def _plain(kind: inspect.Type) -> tuple[inspect.Type, bool]:
    """The type without constraints and without None, and whether it is ``Lines``."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)[0], "lines" in (kind.extra or {})
    if isinstance(kind, inspect.UnionType):
        return _plain(next(one for one in kind.types if not isinstance(one, inspect.NoneType)))
    return kind, False


class Revision(msgspec.Struct):
    """The hidden form field with the revision of the data that the form shows."""

    rev: Annotated[int, Meta(ge=0, le=999_999)]


# --- single fields --------------------------------------------------------------------------------
def form_key(form: Form) -> str:
    """The form's idempotency key, the same if the form is sent twice; if none, the request's id."""
    return form_text(form, "key") or REQUEST_ID.get()


def require_current(form: Form, rev: int, changed: type[Conflict]) -> None:
    """Raises: an error of the class ``changed`` unless the form was loaded at the data's present
    revision, ``rev``."""
    if form_text(form, "base") != str(rev):
        raise changed()


def required_text(form: Form) -> str:
    """The text of the form's field ``text``. Raises: Malformed if it is empty or too long."""
    text, wrong = checked_text(form)
    if wrong:
        raise Malformed("text", wrong)
    return text


def seat_in(visit: PageRequest, form: Form, *, even_if_removed: bool = False) -> SeatId:
    """The seat that the form names by its area and number. ``even_if_removed``: also a seat that
    is no longer on the plan. Raises: Malformed."""
    area = visit[REFERENCE].catalog.areas.get(AreaId(form_text(form, "area")))
    seats = area.seats if area is not None else ()
    if area is not None and even_if_removed:
        seats = (*seats, *area.retired_seats, *area.removed_seats)
    seat = seat_named(seats, form_text(form, "no"))
    if seat is None:
        raise Malformed("no", WRONG_TEXT["seat_unknown"])
    return seat.id


def instant_of(zone: Zone, text: str, name: str) -> datetime:
    """Parses a date and time (2026-03-01T08:30) in the library's time zone. ``name``: the form
    field. Raises: Malformed."""
    try:
        typed = datetime.strptime(text, "%Y-%m-%dT%H:%M")  # noqa: DTZ007
    except ValueError as error:
        raise Malformed(name, WRONG_TEXT["instant_missing"]) from error
    if not 2000 <= typed.year < 2100:
        raise Malformed(name, WRONG_TEXT["not_our_time"])
    return zone.instant(typed.date(), typed.time())


def day_of(text: str, name: str) -> date:
    """Parses a date such as 2026-03-01. ``name``: the form field. Raises: Malformed."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Malformed(name, WRONG_TEXT["date_missing"]) from error


def clock_of(text: str, name: str) -> time:
    """Parses a time of day such as 08:30. ``name``: the form field. Raises: Malformed."""
    if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
        wrong = WRONG_TEXT["clock_format" if text else "clock_missing"].format(text=text)
        raise Malformed(name, wrong)
    return time.fromisoformat(text)
