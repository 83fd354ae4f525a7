from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from models.floor_files.entities import AREA_ROW, NAME_COLUMN, OWN_FEATURE
from models.kernel.text import BYTE_ORDER_MARK, FORMULA_SIGNS
from models.library.entities import SEAT_FEATURES, Area, Seat, features_of
from models.library.seat_features import SeatFeatures

_QUOTED = (*FORMULA_SIGNS, "'")
Row = Sequence[str]


def fields_of(features: SeatFeatures, area: Area) -> tuple[str, ...]:
    """The fields of an area's table, in order. ``features``: the library's own. The last ones are
    for the further languages of the area's name."""
    return (
        *("area_id", "area", "venue", "floor", "seat", "x", "y"),
        *SEAT_FEATURES,
        *(OWN_FEATURE + feature.id for feature in features.in_use),
        *("disabled", "disabled_from", "disabled_until", "kind", "w", "h"),
        *(NAME_COLUMN + tag for tag in area.names),
    )


def rows_of(
    area: Area, venue: str, fields: Sequence[str], yes: str, kinds: Mapping[str, str]
) -> list[Row]:
    """The area as rows of a table: one for its size, then its seats and fixtures. ``venue``: the
    name of its venue. ``yes``: the word for a feature that a seat has. ``kinds``: the word for
    each kind of row."""
    named = {"area_id": area.id, "area": area.name, "venue": venue, "floor": area.floor}
    named |= {NAME_COLUMN + tag: name for tag, name in area.names.items()}

    def row(**values: object) -> Row:
        return [str((named | values).get(name, "")) for name in fields]

    return [
        row(kind=kinds[AREA_ROW], w=area.width, h=area.height),
        *(row(**_seat(seat, yes)) for seat in (*area.seats, *area.retired_seats)),
        *(row(kind=kinds[f.kind], x=f.x, y=f.y, w=f.w, h=f.h) for f in area.fixtures),
    ]


def _seat(seat: Seat, yes: str) -> dict[str, object]:
    return {
        "seat": seat.number,
        "x": seat.x,
        "y": seat.y,
        **{feature: yes for feature, has in features_of(seat).items() if has},
        **{OWN_FEATURE + feature: yes for feature in seat.features},
        "disabled": seat.disabled or "",
        "disabled_from": seat.disabled_from or "",
        "disabled_until": seat.disabled_until or "",
    }


def as_csv(rows: Iterable[Row]) -> bytes:
    """The rows as a CSV file. Spreadsheets open it as UTF-8, and evaluate no formula in it."""
    text = io.StringIO()
    csv.writer(text).writerows([_as_text(cell) for cell in row] for row in rows)
    return (BYTE_ORDER_MARK + text.getvalue()).encode()


def _as_text(cell: str) -> str:
    number = cell.removeprefix("-").isdecimal()
    return f"'{cell}" if cell.startswith(_QUOTED) and not number else cell


def as_workbook(sheets: Mapping[str, Sequence[Row]]) -> bytes:
    """An XLSX workbook with a sheet for each name. All cells are text; the first row is frozen."""
    # Imported here: 2 MB in every worker, for an export that staff seldom need.
    import xlsxwriter  # type: ignore[import-untyped]

    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    head, text = (book.add_format({"bold": bold, "num_format": "@"}) for bold in (True, False))
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write_string(at, column, value, text if at else head)
        sheet.freeze_panes(1, 0)
        for column, width in enumerate(_widths(rows)):
            sheet.set_column(column, column, width)
    book.close()
    return target.getvalue()


def _widths(rows: Sequence[Row]) -> list[int]:
    """The width of each column in characters; a Chinese character counts as two."""
    columns = zip_longest(*rows, fillvalue="")
    return [min(80, 3 + max(len(c.encode("gb18030")) for c in column)) for column in columns]
