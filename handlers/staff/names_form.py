"""The fields of a form for names in further languages: those of the pages."""

from __future__ import annotations

from handlers.http.forms import Form
from handlers.http.pages import form_text
from languages.catalogue import LANGUAGES
from models.kernel.errors import Malformed
from models.library.names import Names, check_names


def typed_names(form: Form, names: Names, longest: int, field: str = "name") -> dict[str, str]:
    """``names`` with those that the form's fields (name-en) change; an empty field removes one.
    Names in other languages stay. Raises: Malformed at the field of a wrong name."""
    typed = dict(names)
    for tag in LANGUAGES:
        if f"{field}-{tag}" not in form:
            continue
        typed.pop(tag, None)
        if name := form_text(form, f"{field}-{tag}"):
            try:
                check_names(tag, {tag: name}, longest)
            except Malformed as error:
                reason, most = error.details["reason"], error.details.get("most")
                raise Malformed(f"{field}-{tag}", str(reason), most=most) from error
            typed[tag] = name
    return typed
