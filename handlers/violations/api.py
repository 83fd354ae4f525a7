"""TODO docstring."""

from __future__ import annotations

from handlers.http import schemas as http_schemas
from handlers.http.endpoint import ApiRequest
from handlers.violations import presenter, schemas
from models.violations import service as violations_service
from models.violations.service import violation_count


async def violations(call: ApiRequest, query: http_schemas.Pagination) -> schemas.ViolationsOut:
    desk = call.services.desk
    rows, total = await desk.violations.page_of(call.reader.id, query.offset, query.page_size)
    items = [await presenter.violation(desk, v, call.now) for v in rows]
    window = await violation_count(desk, call.reader.id, call.now)
    return schemas.ViolationsOut(
        items,
        query.page,
        query.page_size,
        total,
        schemas.WindowOut(window.count, window.limit, window.days),
    )


async def appeal(call: ApiRequest, body: schemas.NewAppeal) -> schemas.ViolationOut:
    desk = call.services.desk
    kept = await violations_service.appeal(desk, call.reader.id, call.id, body.text, call.now)
    return await presenter.violation(desk, kept, call.now)
