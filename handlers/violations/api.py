"""TODO docstring."""

from __future__ import annotations

from handlers.api import schemas as s
from handlers.http.endpoint import ApiRequest
from handlers.violations import presenter
from models.violations import service as violations_service
from models.violations.service import violation_count


async def violations(call: ApiRequest, query: s.Pagination) -> s.ViolationsOut:
    desk = call.services.desk
    rows, total = await desk.violations.page_of(call.reader.id, query.offset, query.page_size)
    items = [await presenter.violation(desk, v, call.now) for v in rows]
    window = await violation_count(desk, call.reader.id, call.now)
    return s.ViolationsOut(
        items,
        query.page,
        query.page_size,
        total,
        s.WindowOut(window.count, window.limit, window.days),
    )


async def appeal(call: ApiRequest, body: s.NewAppeal) -> s.ViolationOut:
    desk = call.services.desk
    kept = await violations_service.appeal(desk, call.reader.id, call.id, body.text, call.now)
    return await presenter.violation(desk, kept, call.now)
