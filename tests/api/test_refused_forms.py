"""A refused console form keeps all input and marks the wrong field."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

from models.identity.roles import Role
from tests.api.console import post, staff
from tests.api.refused_forms import REFUSED
from tests.living import Living

Attributes = dict[str, str | None]


@dataclass
class Control:
    """A form control as the page shows it, with its value or choice."""

    name: str
    attributes: Attributes
    values: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """The controls of each form by its address, and texts of elements by id."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.forms: dict[str, list[Control]] = {}
        self.words: dict[str, str] = {}
        self.alerts: list[str] = []
        self._form: list[Control] = []
        self._at = ""
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        if tag == "form":
            self._form = self.forms.setdefault(of.get("action") or "", [])
        if of.get("id"):
            self.words[of["id"] or ""] = ""
        name, kind = of.get("name") or "", of.get("type")
        if tag in ("input", "select", "textarea") and name:
            self._form.append(Control(name, of))
        if tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in of):
            self._form[-1].values.append(of.get("value", "on") or "")
        if tag == "option" and "selected" in of:
            self._form[-1].values.append(of.get("value") or "")
        self._at = tag if tag == "textarea" else (of.get("id") or of.get("role") or "")

    def handle_data(self, data: str) -> None:
        if self._at == "textarea":
            self._form[-1].values.append(data)
        elif self._at == "alert":
            self.alerts.append(data)
        elif self._at in self.words:
            self.words[self._at] = data
        self._at = ""


def lost(page: Page, path: str, typed: dict[str, str], wrong: str) -> list[str]:
    """Everything that the page lacks: mark and message of the wrong field, and typed values."""
    controls = page.forms.get(path, [])
    at = [c for form in page.forms.values() for c in form if "aria-invalid" in c.attributes]
    problems = [] if [c.name for c in at] == [wrong] and at[0] in controls else [f"at {at}"]
    for c in at:
        if "autofocus" not in c.attributes or c.attributes["aria-describedby"] != "wrong-here":
            problems.append(f"not described: {c}")
    said = page.words.get("wrong-here")
    if not said or page.alerts != [said]:
        problems.append(f"said {said}, {page.alerts}")
    for name, text in typed.items():
        values = [value for c in controls if c.name == name for value in c.values]
        if text not in (values or [""]):
            problems.append(f"{name}: {values}")
    return problems


async def test_a_refused_form_marks_the_wrong_field_and_keeps_all_input(service: Living) -> None:
    desk, reader = await staff(service, Role.ADMINISTRATOR), await service.reader()
    before, problems = await service.books(), []
    for address, form, wrong in REFUSED:
        path = address.format(reader=reader.reader_id)
        answer = await post(service, desk, path, **form)
        if answer.status not in (400, 409, 422):
            problems.append((path, form, [f"{answer.status} {answer.headers.get('Location')}"]))
        elif missing := lost(Page(answer.body), path, form, wrong):
            problems.append((path, form, missing))
    assert problems == [], "\n".join(str(row)[:400] for row in problems)
    assert await service.books() == before
