"""Tables that staff upload, with a row for each thing: read confined, their faults in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text
from handlers.http.uploads import read_upload
from handlers.texts.console import WRONG_TEXT
from handlers.texts.errors import reason_text
from handlers.texts.floor_files import ENCODING_TEXT, FEATURE_WORDS, LINE_TEXT, PROBLEM_TEXT
from handlers.texts.setup import WRONG_FIELD
from models.floor_files.entities import LARGEST_FILE, Columns, FileProblem
from models.floor_files.row_table import RowTable
from models.kernel.errors import Malformed
from models.storage.confined import TooCostly


async def read_table(
    visit: PageRequest,
    form: Form,
    read: Callable[[bytes, Columns, int, str], RowTable],
    columns: Columns,
    data: bytes,
    most: int = LARGEST_FILE,
) -> RowTable:
    """The table in the bytes, as ``read`` decodes it in the encoding that the form names, if any.
    ``problems`` has its errors. Raises: RequestTimeout if the client disconnects."""
    named = form_text(form, "encoding")
    encoding = named if named in ENCODING_TEXT else ""
    try:
        return await read_upload(visit.request, read, data, columns, most, encoding)
    except TooCostly:
        return RowTable(problems=[FileProblem(Malformed("file", "too_costly"))])


def problem_text(problem: FileProblem, columns: Mapping[str, str]) -> str:
    """The problem of a table in words, with its line. ``columns``: the headings by field."""
    details = problem.error.details
    column = str(details.get("column", ""))
    facts = {**details, "column": columns.get(column, column), "words": FEATURE_WORDS}
    reason, field = str(details["reason"]), str(details["field"])
    sentence = WRONG_TEXT.get(reason) or PROBLEM_TEXT.get(reason)
    what = sentence.format_map(facts) if sentence is not None else reason_text(details)
    if field in columns:
        what = WRONG_FIELD.format(field=columns[field], wrong=what)
    return LINE_TEXT.format(line=problem.line, what=what) if problem.line is not None else what
